import { formatLoad, LOAD_HEADER } from '../../src/load/report.ts'
import { LoadMeter } from '../../src/load/meter.ts'
import type { SimulatedAnswer, SimulatedServer } from '../../src/testing/servers.ts'

/** In milliseconds: the time over which a server counts its rates, as in `reportLoad()`. */
const WINDOW = 1_000

interface Finish {
  readonly at: number
  readonly load: number
  readonly ms: number
  readonly failed: boolean
}

/**
 * A server with one worker and a queue. It reports its load with each response, using the meter of `reportLoad()`.
 * `service` returns how long it works on a request.
 */
export function reportingQueue(
  id: string,
  service: (now: number, random: () => number) => number,
  lie?: string,
): SimulatedServer {
  let free = 0
  const meter = new LoadMeter(WINDOW, 0)
  const finishes: Finish[] = []
  const busy: [number, number][] = []
  let windowAt = 0
  let utilization: number | undefined

  return {
    id,
    respond: ({ now, random }): SimulatedAnswer => {
      settle(now)
      const load = meter.started()
      const begin = Math.max(free, now)
      free = begin + service(begin, random)
      busy.push([begin, free])
      const at = free
      finishes.push({ at, load, ms: at - now, failed: false })
      return {
        after: at - now,
        status: 200,
        headers: {
          // The meter is read when the response is sent.
          get [LOAD_HEADER]() {
            return lie ?? answer(at)
          },
        },
      }
    },
  }

  function settle(now: number): void {
    while (finishes[0] && finishes[0].at < now) {
      const { at, load, ms, failed } = finishes.shift()!
      meter.finished(load, ms, at, failed)
    }
    if (meter.roll(now)) {
      let used = 0
      while (busy[0] && busy[0][0] < now) {
        const [from, to] = busy[0]
        used += Math.min(to, now) - Math.max(from, windowAt)
        if (to > now) break
        busy.shift()
      }
      utilization = used / (now - windowAt)
      windowAt = now
    }
  }

  function answer(now: number): string {
    settle(now)
    return formatLoad({
      ...(utilization !== undefined && { applicationUtilization: utilization }),
      ...meter.report(now),
    })
  }
}
