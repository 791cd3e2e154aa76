import { leastRequest } from '../../../src/balance/least-request.ts'
import { peakEwma } from '../../../src/balance/peak-ewma.ts'
import { prequal } from '../../../src/balance/prequal.ts'
import { reportedLoad } from '../../../src/balance/reported-load.ts'
import { roundRobin } from '../../../src/balance/round-robin.ts'
import type { SimulatedServer } from '../../../src/testing/servers.ts'
import { many } from '../models.ts'
import { reportingQueue } from '../reporting.ts'
import type { Scenario, Variant } from '../scenario.ts'
import { alone } from '../strategies.ts'

const SERVERS = 10
const CLIENTS = 5

/** The milliseconds of work on a request, and how many times slower the server that lies is. */
const WORK = 10
const SLOW = 4

/** Idle, with a latency near 0: the best values that a server can report. */
const LIE =
  'TEXT cpu_utilization=0.01,rps_fractional=100000,named_metrics.in_flight=0,named_metrics.latency=0.1'

const exponential = (random: () => number, mean: number): number => -Math.log(1 - random()) * mean

const withinAQuarter = ({ status, ms }: { status: number | undefined; ms: number }): boolean =>
  status === 200 && ms < 250

const rows: readonly Variant[] = [
  { name: 'round robin', client: () => alone(roundRobin()) },
  { name: 'least request', client: () => alone(leastRequest()) },
  { name: 'peak EWMA', client: () => alone(peakEwma()), chart: true },
  // Half a minute is too short for the default of ten seconds.
  { name: 'reported load', client: () => alone(reportedLoad({ blackout: 2_000 })), chart: true },
  {
    name: 'reported load, all believed',
    client: () => alone(reportedLoad({ blackout: 2_000, slower: Infinity })),
  },
  { name: 'prequal', client: () => alone(prequal()), chart: true },
  { name: 'prequal, all believed', client: () => alone(prequal({ slower: Infinity })) },
]

/** A server that reports like `reportLoad()`, and whose responses take `away` milliseconds to arrive. */
function distant(server: SimulatedServer, away: number): SimulatedServer {
  return {
    id: server.id,
    respond: (context) => {
      const answer = server.respond(context)
      return typeof answer === 'string' ? answer : { ...answer, after: answer.after + away }
    },
  }
}

export const liar: Scenario = {
  id: 'liar',
  title: 'One that lies about its load',
  setUp: `${SERVERS} servers, each with a queue. The service time is exponential, ${WORK} ms on average. The load is half of the capacity, from ${CLIENTS} clients. The run is 30 s, and the first 8 s do not count. Each response has a load report of \`reportLoad()\`. One server is ${SLOW} times as slow. It reports that it is idle and responds at once. A call succeeds when its response arrives within 250 ms.`,
  duration: 30_000,
  warmup: 8_000,
  clients: CLIENTS,
  arrivals: { rate: (SERVERS * 1000) / WORK / 2 },
  servers: () =>
    many(SERVERS, (index) => {
      const isLiar = index === 0
      const mean = isLiar ? WORK * SLOW : WORK
      return reportingQueue(
        `server-${index}`,
        (_now, random) => exponential(random, mean),
        isLiar ? LIE : undefined,
      )
    }),
  success: withinAQuarter,
  figures: ['success', 'worst', 'mean', 'p50', 'p99', 'p999'],
  variants: rows,
  findings: [
    '**Peak EWMA wins**, because it reads no reports. Reported load sees that the server is slow, so the report cannot raise the weight of the server above that of the registry. It loses about as much as least request. If it believed every report, it would lose six times as much. Prequal compares each report with its own measurements, so the wrong report has little effect.',
  ],
}

export const distance: Scenario = {
  id: 'distance',
  title: 'Half of the servers far away',
  setUp: `${SERVERS} servers, each with a queue. The load is 70 %, from ${CLIENTS} clients. The run is 30 s, and the first 8 s do not count. Half of the servers are twice as fast (5 ms on average instead of 10), but the network adds 60 ms to their responses. All servers report their load with \`reportLoad()\`, and all reports are true. A call succeeds when its response arrives within 250 ms.`,
  duration: 30_000,
  warmup: 8_000,
  clients: CLIENTS,
  arrivals: { rate: ((SERVERS / 2) * 1000 * 3 * 0.7) / WORK },
  servers: () =>
    many(SERVERS, (index) => {
      const isFar = index % 2 === 0
      const server = reportingQueue(`server-${index}`, (_now, random) =>
        exponential(random, isFar ? WORK / 2 : WORK),
      )
      return isFar ? distant(server, 60) : server
    }),
  success: withinAQuarter,
  figures: ['success', 'mean', 'p50', 'p99', 'p999'],
  variants: rows,
  findings: [
    '**Honest servers pay a little.** A client cannot distinguish a distant server from a slow one. So the reports of the distant half do not raise their weights, although these servers can serve twice as much. This makes the mean of reported load 1.4 % longer. It is not more, because the client also sees its own queues. If it is too much for you, set the `weight` of the servers in the registry, or believe all reports with `slower: Infinity`.',
  ],
}
