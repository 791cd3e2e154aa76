import type { Balancer, PickRequest } from '../../src/balance/balancer.ts'
import { ManualClock } from '../../src/testing/clock.ts'
import { endpoints, type FakeEndpoint } from './harness.ts'

/**
 * Simulates one client in front of `servers` queues, with exponential service times of mean 1. Returns the mean time of
 * a call. Exponential times have no memory, so the next event is drawn directly, without an event queue.
 */
export function supermarket(
  balancer: Balancer,
  { servers, load, calls, seed = 1 }: { servers: number; load: number; calls: number; seed?: number },
): number {
  const clock = new ManualClock({ seed })
  const set = endpoints(servers)
  const busy: FakeEndpoint[] = []
  const request: PickRequest = { now: 0, attempt: 1, random: () => clock.random(), excluded: () => false }
  const arrivals = load * servers
  const warmup = calls / 10
  let area = 0
  let elapsed = 0
  let waiting = 0
  for (let arrived = 0; arrived < calls;) {
    const rate = arrivals + busy.length
    const step = -Math.log(1 - clock.random()) / rate
    if (arrived >= warmup) {
      area += waiting * step
      elapsed += step
    }
    if (clock.random() * rate < arrivals) {
      const chosen = balancer.pick(set, request) as FakeEndpoint
      if (chosen.inFlight++ === 0) busy.push(chosen)
      arrived++
      waiting++
    } else {
      const at = Math.floor(clock.random() * busy.length)
      const server = busy[at] as FakeEndpoint
      waiting--
      if (--server.inFlight === 0) {
        busy[at] = busy.at(-1) as FakeEndpoint
        busy.pop()
      }
    }
  }
  // Little's law: the mean time in the system is the mean number of calls in it, divided by the arrival rate.
  return area / elapsed / arrivals
}
