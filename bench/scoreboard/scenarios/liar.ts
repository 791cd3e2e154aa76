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

/** Milliseconds of work on a request, and how many times as long the one that lies takes. */
const WORK = 10
const SLOW = 4

/** Idle, and in no time: the best that a server can say of itself. */
const LIE =
  'TEXT cpu_utilization=0.01,rps_fractional=100000,named_metrics.in_flight=0,named_metrics.latency=0.1'

const exponential = (random: () => number, mean: number): number => -Math.log(1 - random()) * mean

const withinAQuarter = ({ status, ms }: { status: number | undefined; ms: number }): boolean =>
  status === 200 && ms < 250

const rows: readonly Variant[] = [
  { name: 'round robin', client: () => alone(roundRobin()) },
  { name: 'least request', client: () => alone(leastRequest()) },
  { name: 'peak EWMA', client: () => alone(peakEwma()), chart: true },
  // The run is too short for ten seconds of it.
  { name: 'reported load', client: () => alone(reportedLoad({ blackout: 2_000 })), chart: true },
  {
    name: 'reported load, all believed',
    client: () => alone(reportedLoad({ blackout: 2_000, slower: Infinity })),
  },
  { name: 'prequal', client: () => alone(prequal()), chart: true },
  { name: 'prequal, all believed', client: () => alone(prequal({ slower: Infinity })) },
]

/** A server that reports as `reportLoad()` does, but whose answers are `away` ms under way. */
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
  setUp: `${SERVERS} servers with a queue each and exponential service of ${WORK} ms on average, ${CLIENTS} clients, loaded to half, 22 s after 8 s that are not counted. Each answer carries a load report as \`reportLoad()\` makes it. One server is ${SLOW} times as slow, and reports that it is idle and answers at once. Success is an answer within 250 ms.`,
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
    '**Peak EWMA wins**, since it reads no reports. Reported load gives the liar no more than the registry says, because this client finds it slow: it loses as little as least request, and not the six times as much that it loses when it believes every report. Prequal holds what an instance reports against what it has measured, and the rest of the lie brings little.',
  ],
}

export const distance: Scenario = {
  id: 'distance',
  title: 'Half of the servers far away',
  setUp: `${SERVERS} servers with a queue each, ${CLIENTS} clients, loaded to 70 %, 22 s after 8 s that are not counted. Half of the servers are twice as fast (5 ms on average instead of 10), but their answers are 60 ms under way. All report their load as \`reportLoad()\` does, and none lies. Success is an answer within 250 ms.`,
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
    '**What the doubt costs honest servers.** A client cannot tell a distant server from a slow one: the far half gains nothing by its reports, though it could do twice as much. Reported load pays for that with a fiftieth of its mean; the queues that a client sees correct most of it. Where it is too much, the registry’s `weight` says what a server can do, or `slower: Infinity` believes all.',
  ],
}
