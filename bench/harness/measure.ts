import { setTimeout as delay } from 'node:timers/promises'
import type { Round, Sample } from './row.ts'

/** Returns CPU and time per operation, and the number of operations per second. */
export async function measure(run: Round, ops: number): Promise<Sample> {
  // Only the young generation is collected. A full collection removes hidden classes that no request in flight uses,
  // and the code optimised for them. That never happens to a client under load.
  globalThis.gc?.({ type: 'minor' })
  // Sockets and microtasks of the previous round end here, and not during the measurement.
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
