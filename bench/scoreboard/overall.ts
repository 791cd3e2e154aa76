import { show } from './markdown.ts'
import type { Result } from './result.ts'
import type { Figure } from './scenario.ts'

const ROWS = ['round robin', 'random', 'least request', 'peak EWMA', 'omniscient']

/** What each strategy alone comes to: scenario, figure, and what its rows are called there. */
const COLUMNS: readonly { heading: string; id: string; figure: Figure; suffix: string }[] = [
  { heading: 'one slow', id: 'one-slow', figure: 'success', suffix: '' },
  { heading: 'slow middle', id: 'slow-middle', figure: 'success', suffix: '' },
  { heading: 'cold start', id: 'cold-start', figure: 'success', suffix: '' },
  { heading: 'fast 503s', id: 'fast-503s', figure: 'success', suffix: '' },
  { heading: 'supermarket, 1 client', id: 'supermarket', figure: 'mean', suffix: ', 1 client' },
  { heading: '10 clients', id: 'supermarket', figure: 'mean', suffix: ', 10 clients' },
  { heading: '50 clients', id: 'supermarket', figure: 'mean', suffix: ', 50 clients' },
]

/** The report's beginning. */
export function overall(results: readonly Result[], seeds: number): string {
  const table = [
    ['', ...COLUMNS.map(({ heading }) => heading)],
    ['---', ...COLUMNS.map(() => '--:')],
    ...ROWS.map((name) => [name, ...COLUMNS.map((column) => cell(results, column, name))]),
  ]
  return `# Scoreboard

Strategies and policies on models of fleets in trouble, beside what others have published about the same set-ups. Everything
here is the library’s own code, run by [\`simulate()\`](simulator.md) in virtual time. \`npm run scoreboard\` writes this page;
\`npm run scoreboard -- --check\` fails when the code no longer gives these figures, and CI runs it.

Figures are means over ${seeds} seeds, latencies are counted from the moment a call was due, failed calls included. A row has
the named strategy and nothing else (no breaker, no retries, no hedging) unless it says otherwise. “Omniscient” joins the
shortest queue knowing what no client can: the load that all clients together put on each server, and which servers are slow
or broken. It is the best that a choice of server can come to.

## Which strategy

${table.map((row) => `| ${row.join(' | ')} |`).join('\n')}

Share of calls that succeed, and for the supermarket the mean time.

**Peak EWMA wins overall**, and is the client’s default. Whenever a server is slow, cold or broken it loses a fraction of
what least request loses, and least request alone turns one server that fails fast into an outage. Where all servers are alike
and nothing goes wrong, least request has the shorter queues: by a quarter with one client, by less than a tenth with ten or
fifty, where even taking turns is as good as what a client can learn. Prefer it for a single client in front of many equal
servers, and for requests that last. Round robin and random win nowhere.

**Where the servers report their load, [prequal](#mixed-hardware-at-90--load) wins**, at 70 and at 90 % load with many clients on mixed hardware, and
reported load is second. Where nobody reports, prequal is peak EWMA.

Against the omniscient client peak EWMA loses what is under way when a server turns bad, which hedging or a retry makes good
for, and a larger part in the supermarket, where nothing but knowing the other clients’ load would help.

Published figures are from [Beyond Round Robin](https://linkerd.io/2016/03/16/beyond-round-robin-load-balancing-for-latency/)
and [Finagle’s simulation](https://github.com/twitter/finagle/tree/develop/finagle-benchmark/src/main/scala/com/twitter/finagle/loadbalancer),
those for the supermarket from Mitzenmacher’s _The power of two choices in randomized load balancing_.`
}

function cell(
  results: readonly Result[],
  { id, figure, suffix }: (typeof COLUMNS)[number],
  name: string,
): string {
  const rows = results.find(({ scenario }) => scenario.id === id)?.rows ?? []
  // Some have the same result for any number of clients, and one row.
  const row =
    rows.find(({ variant }) => variant.name === name + suffix) ??
    rows.find(({ variant }) => variant.name === name)
  return row ? show(figure, row.figures[figure]) : ''
}
