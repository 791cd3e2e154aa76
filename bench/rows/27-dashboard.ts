import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { Child } from '../harness/child.ts'
import { clientFor, PATH } from '../harness/http.ts'
import { microseconds } from '../harness/measure.ts'
import type { Comparison, Row, Sample, Variant } from '../harness/row.ts'

const PER_SECOND = 1_000
const WARM_UP_MS = 12_000
/**
 * In milliseconds: the wait before a state is measured, and the length of the measurement. These are whole seconds,
 * because the dashboard sends a frame each second.
 */
const SETTLE_MS = 100
const MEASURED_MS = 2_000

type State = 'none' | 'closed' | 'open'

/**
 * A server that makes a call for each request. Another process sends 1,000 requests per second. The server's process
 * takes turns with no dashboard, a dashboard without a viewer, and one with an open tab. Between processes the CPU of a
 * call differs more than between these states.
 */
const serving: Variant = async ({ origins }) => {
  const { serveDashboard } = await import('outrigger/dashboard')
  const client = await clientFor(origins, { routes: { 'GET /users/{id}': {} } })
  let calls = 0
  const server = createServer((_request, response) => {
    calls++
    client(PATH).then(
      async (answer) => response.end(await answer.text()),
      () => response.writeHead(502).end(),
    )
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const load = new Child(new URL('../harness/steady-load.ts', import.meta.url), [
    `http://127.0.0.1:${port}/`,
    String(PER_SECOND),
  ])
  await load.message()

  /** Returns the CPU of a call in one of the states, in µs. */
  const measured = async (state: State): Promise<number> => {
    const page = state === 'none' ? undefined : await serveDashboard(client)
    if (page && state === 'open') {
      load.send({ open: `${page.url}events` })
      await load.message()
    }
    await delay(SETTLE_MS)
    const from = calls
    const cpu = process.cpuUsage()
    await delay(MEASURED_MS)
    const figure = microseconds(cpu) / (calls - from)
    if (state === 'open') {
      load.send({ close: true })
      await load.message()
    }
    await page?.close()
    return figure
  }
  await delay(WARM_UP_MS)
  await measured('open')

  // Each measurement is compared with the one next to it.
  const order: State[] = ['none', 'open', 'closed']
  return async (): Promise<Sample> => {
    const cpu = { none: 0, closed: 0, open: 0 }
    for (const state of order) cpu[state] = await measured(state)
    order.reverse()
    return {
      none: cpu.none,
      closed: cpu.closed / cpu.none,
      open: cpu.open / cpu.closed,
      both: cpu.open / cpu.none,
    }
  }
}

const compared = (name: string, measure: string, unit: string, target?: number): Comparison => ({
  name,
  subject: 'serving',
  measure,
  unit,
  ...(target !== undefined && { target }),
})

export const row: Row = {
  title: 'dashboard, 1 000 calls a second: CPU of the process',
  servers: 4,
  rounds: 24,
  roundMs: 0,
  warmUpMs: 0,
  variants: { serving },
  comparisons: [
    compared('a call, without a dashboard', 'none', 'µs'),
    compared('nobody looks, to no dashboard', 'closed', '×', 1.01),
    compared('one tab, to nobody looks', 'open', '×', 1.03),
    compared('one tab, to no dashboard', 'both', '×', 1.03),
  ],
}
