import { setTimeout as delay } from 'node:timers/promises'
import type { Round, Sample } from './row.ts'

/** CPU and time of each of `ops` operations, and how many there were in a second. */
export async function measure(run: Round, ops: number): Promise<Sample> {
  // The young generation only: a full collection throws hidden classes away that no request in flight holds, and with
  // them the code optimised for them, which never happens to a client under load.
  globalThis.gc?.({ type: 'minor' })
  // What the last round left behind, sockets and microtasks, ends here and not within the measurement.
  await delay(1)
  const began = performance.now()
  const cpu = process.cpuUsage()
  const own = await run(ops)
  const spent = microseconds(cpu)
  return {
    cpu: spent / ops,
    ns: (spent * 1000) / ops,
    rate: (ops * 1000) / (performance.now() - began),
    ...own,
  }
}

export function microseconds(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since)
  return user + system
}
