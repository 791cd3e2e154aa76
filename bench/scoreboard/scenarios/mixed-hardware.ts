import { leastRequest } from '../../../src/balance/least-request.ts'
import { peakEwma } from '../../../src/balance/peak-ewma.ts'
import { prequal } from '../../../src/balance/prequal.ts'
import { reportedLoad } from '../../../src/balance/reported-load.ts'
import { roundRobin } from '../../../src/balance/round-robin.ts'
import { many } from '../models.ts'
import { reportingQueue } from '../reporting.ts'
import type { Scenario } from '../scenario.ts'
import { alone, omniscient } from '../strategies.ts'

const SERVERS = 20

/** Another tenant slows down one server after the other: each is three times as slow for an eighth of the time. */
const CYCLE = 20_000
const DISTURBED = 1 / 8
const SLOWDOWN = 3

/** Every second server is twice as fast. */
const service = (index: number): number => (index % 2 === 0 ? 10 : 5)

const slowdown = (index: number, now: number): number =>
  (now / CYCLE + index * 0.618034) % 1 < DISTURBED ? SLOWDOWN : 1

/** The number of requests per second that all servers together can handle. */
const CAPACITY = many(
  SERVERS,
  (index) => (1000 / service(index)) * (1 - DISTURBED + DISTURBED / SLOWDOWN),
).reduce((sum, each) => sum + each)

function mixedHardware(load: number, findings: readonly string[]): Scenario {
  const percent = `${Math.round(load * 100)} %`
  return {
    id: `mixed-hardware-${Math.round(load * 100)}`,
    title: `Mixed hardware at ${percent} load`,
    setUp: `${SERVERS} servers, each with a queue. Ten have an exponential service time of 10 ms on average, ten are twice as fast. For an eighth of the time, at different times, another program makes each of them three times as slow. The load is ${percent} of the capacity, from ${SERVERS} clients. The run is 20 s, and the first 8 s do not count. Each response has a load report of \`reportLoad()\`. A call succeeds when its response arrives within 250 ms.`,
    duration: 20_000,
    warmup: 8_000,
    clients: 20,
    arrivals: { rate: CAPACITY * load },
    servers: () =>
      many(SERVERS, (index) =>
        reportingQueue(
          `server-${index}`,
          (now, random) => -Math.log(1 - random()) * service(index) * slowdown(index, now),
        ),
      ),
    success: ({ status, ms }) => status === 200 && ms < 250,
    figures: ['success', 'mean', 'p50', 'p99', 'p999'],
    variants: [
      { name: 'round robin', client: () => alone(roundRobin()), chart: true },
      { name: 'least request', client: () => alone(leastRequest()), chart: true },
      { name: 'peak EWMA', client: () => alone(peakEwma()), chart: true },
      // The run is too short for the default of ten seconds.
      { name: 'reported load', client: () => alone(reportedLoad({ blackout: 2_000 })), chart: true },
      { name: 'prequal', client: () => alone(prequal()), chart: true },
      {
        name: 'omniscient',
        client: (context) =>
          omniscient(context, (id, now) => {
            const index = Number(id.slice('server-'.length))
            return service(index) * slowdown(index, now)
          }),
      },
    ],
    findings,
  }
}

export const mixedHardware70: Scenario = mixedHardware(0.7, [
  '**Prequal wins**, and reported load is second. A client sees only a twentieth of the load, and gets few responses from each server. So it notices a slow server late. A load report says what all clients together have sent to a server. Prequal loses a seventh of the calls that peak EWMA loses, and its mean is less than half.',
])

export const mixedHardware90: Scenario = mixedHardware(0.9, [
  '**Prequal wins** again. Its mean is little more than a third of that of peak EWMA. Peak EWMA is behind least request here: twenty clients remember how slow a server was, leave it together, and come back together. Reported load knows how much a server can serve, but not how long its queue is now. It needs only the rate and the utilisation of the servers.',
])

export const mixedHardware105: Scenario = mixedHardware(1.05, [
  '**No strategy wins in a lasting overload.** All queues grow. The better a strategy spreads the load, the more calls are late, also with the omniscient client. Round robin overloads the slow half of the servers, and the fast half still works. So more than a third of its calls are in time, and the others wait for seconds. Here, only less load helps: limits, deadlines, and servers that refuse requests.',
])
