import { measure, microseconds } from './measure.ts'
import type { Round, Row } from './row.ts'

const WARM_UP_MS = 500
const ROUND_MS = 60

/** A child process of the harness: it sets up one variant, then runs a round for each message. */
const [file = '', name = '', ...origins] = process.argv.slice(2)
const { row } = (await import(file)) as { row: Row }
const variant = row.variants[name]
if (!variant) throw new Error(`${file} has no variant '${name}'`)
const round = await variant({ origins })
const { roundMs = ROUND_MS, warmUpMs = WARM_UP_MS } = row
const ops = roundMs > 0 ? await warmUp(round, roundMs) : 1

process.on('message', () => {
  void measure(round, ops).then((sample) => process.send?.(sample))
})
process.send?.('ready')

/** Warms up the code, and finds how many operations fill a round with CPU time. */
async function warmUp(run: Round, ms: number): Promise<number> {
  let count = 1
  const began = performance.now()
  for (;;) {
    const cpu = process.cpuUsage()
    await run(count)
    const spent = microseconds(cpu) / 1000
    const share = ms / Math.max(spent, ms / 50)
    if (performance.now() - began > warmUpMs && share < 2 && share > 0.5) return count
    if (performance.now() - began > warmUpMs * 5) return count
    count = Math.max(1, Math.round(count * Math.min(share, 10)))
  }
}
