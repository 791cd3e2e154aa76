import { availableParallelism } from 'node:os'
import { performance } from 'node:perf_hooks'
import type { LoadReport } from './report.ts'

/** Measures how much this process uses of its processors, its memory and its event loop. */
export class Usage {
  #at: number
  #cpu = process.cpuUsage()
  #loop = performance.eventLoopUtilization()

  constructor(now: number) {
    this.#at = now
  }

  /** Returns the utilisations since the last call. */
  since(now: number): LoadReport {
    const ms = now - this.#at
    const { user, system } = process.cpuUsage(this.#cpu)
    const loop = performance.eventLoopUtilization()
    const { utilization } = performance.eventLoopUtilization(loop, this.#loop)
    this.#at = now
    this.#cpu = process.cpuUsage()
    this.#loop = loop
    const memory = process.constrainedMemory()
    return {
      cpuUtilization: (user + system) / 1000 / ms / availableParallelism(),
      // Without a memory limit, or with one beyond all real sizes, there is no used share.
      ...(memory > 0 &&
        memory < 2 ** 50 && { memUtilization: Math.min(process.memoryUsage.rss() / memory, 1) }),
      applicationUtilization: utilization,
    }
  }
}
