import { leastRequest } from '../../../src/balance/least-request.ts'
import { peakEwma } from '../../../src/balance/peak-ewma.ts'
import type { Scenario } from '../scenario.ts'
import { eachAlone, omniscient } from '../strategies.ts'

const isBroken = (now: number): boolean => now >= 3_000 && now < 60_000

export const fast503s: Scenario = {
  id: 'fast-503s',
  title: 'Fast 503s',
  setUp:
    'Two servers at 120 ms. From 3 to 60 s one of them responds with 503 at once. 500 requests per second for 90 s, ten clients. The broken server always seems idle and fast.',
  duration: 90_000,
  clients: 10,
  arrivals: { rate: 500 },
  servers: () => [
    { id: 'good', respond: () => ({ after: 120, status: 200 }) },
    {
      id: 'broken',
      respond: ({ now }) => (isBroken(now) ? { after: 0, status: 503 } : { after: 120, status: 200 }),
    },
  ],
  figures: ['success', 'worst', 'p50', 'p99', 'p999', 'load'],
  variants: [
    ...eachAlone({
      'round robin': { published: '68 %' },
      'least request': { published: '38–45 %' },
      'peak EWMA': { published: '37 %' },
    }),
    {
      name: 'least request, breaker',
      client: () => ({ balance: leastRequest(), retry: false }),
      chart: true,
    },
    {
      name: 'peak EWMA, breaker',
      client: () => ({ balance: peakEwma(), retry: false }),
      reach: [{ figure: 'success', atLeast: 0.999 }],
      chart: true,
    },
    {
      name: 'peak EWMA, breaker, retries',
      client: () => ({ balance: peakEwma() }),
      reach: [
        { figure: 'success', atLeast: 1 },
        { figure: 'load', atMost: 1.002 },
      ],
    },
    {
      name: 'omniscient',
      client: (context) => omniscient(context, (id, now) => (id === 'broken' && isBroken(now) ? 1e9 : 1)),
    },
  ],
  findings: [
    '**Peak EWMA wins, with or without a breaker.** It counts a failure as load, so a server that fails fast does not attract requests. Least request without a breaker sends the broken server almost nine of ten requests, because this server is always idle. This is worse than round robin. A breaker solves the problem. Each of the ten clients then loses five calls before its breaker opens, and its later probes.',
    'Peak EWMA loses the first failures of each client, and its later tries of a server that may have recovered. Retries save all of them, for less than one extra request in a thousand.',
  ],
}
