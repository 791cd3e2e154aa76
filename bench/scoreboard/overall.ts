import { show } from './markdown.ts'
import type { Result } from './result.ts'
import type { Figure } from './scenario.ts'

const ROWS = ['round robin', 'random', 'least request', 'peak EWMA', 'omniscient']

/** The columns of the table of strategies: scenario, figure, and the suffix of the rows' names there. */
const COLUMNS: readonly { heading: string; id: string; figure: Figure; suffix: string }[] = [
  { heading: 'one slow', id: 'one-slow', figure: 'success', suffix: '' },
  { heading: 'slow middle', id: 'slow-middle', figure: 'success', suffix: '' },
  { heading: 'cold start', id: 'cold-start', figure: 'success', suffix: '' },
  { heading: 'fast 503s', id: 'fast-503s', figure: 'success', suffix: '' },
  { heading: 'supermarket, 1 client', id: 'supermarket', figure: 'mean', suffix: ', 1 client' },
  { heading: '10 clients', id: 'supermarket', figure: 'mean', suffix: ', 10 clients' },
  { heading: '50 clients', id: 'supermarket', figure: 'mean', suffix: ', 50 clients' },
]

/** Returns the beginning of the report. */
export function overall(results: readonly Result[], seeds: number): string {
  const table = [
    ['', ...COLUMNS.map(({ heading }) => heading)],
    ['---', ...COLUMNS.map(() => '--:')],
    ...ROWS.map((name) => [name, ...COLUMNS.map((column) => cell(results, column, name))]),
  ]
  return `# Scoreboard

The scoreboard runs strategies and policies on models of fleets with problems, and compares them with published figures for the same models. It runs the library's own
code with [\`simulate()\`](simulator.md), in virtual time. \`npm run scoreboard\` writes this page. \`npm run scoreboard -- --check\` fails when the code no longer gives these
figures. CI runs this check.

- The figures are means over ${seeds} seeds. A latency begins when the call arrives. Failed calls count too.
- A row uses only the named strategy (no breaker, no retries, no hedging), unless its name says more.
- “Omniscient” joins the shortest queue. It knows what no client can know: the load that all clients together put on each server, and which servers are slow or broken. No
  choice of servers can be better.
- “A wall” is \`whenAllOpen: 'refuse'\`: while all breakers are open, the client sends nothing.

## Which strategy

${table.map((row) => `| ${row.join(' | ')} |`).join('\n')}

The figures are the share of calls that succeed. For the supermarket they are the mean time.

**Peak EWMA wins overall.** It is the default of the client.

- When a server is slow, cold or broken, peak EWMA loses a small part of what least request loses. Without a breaker, least request even turns one server that fails fast into
  an outage.
- When all servers are equal and nothing fails, least request has slightly shorter queues: 4 % with one client, 3 % with fifty clients, no difference with ten. With fifty
  clients, round robin is about as good as both. Use least request for a single client in front of many equal servers, and for long requests.
- Round robin and random win nowhere.

**When the servers report their load, [prequal](#mixed-hardware-at-90--load) wins**, at 70 and at 90 % load, with many clients on mixed hardware. Reported load is second.
Without reports, prequal works like peak EWMA.

Compared with the omniscient client, peak EWMA loses the requests that are in flight when a server becomes bad. Hedging or a retry saves these. In the supermarket it loses more.
There, only knowledge of the other clients' load would help.

The published figures are from [Beyond Round Robin](https://linkerd.io/2016/03/16/beyond-round-robin-load-balancing-for-latency/) and
[Finagle’s simulation](https://github.com/twitter/finagle/tree/develop/finagle-benchmark/src/main/scala/com/twitter/finagle/loadbalancer). Those for the supermarket are from
Mitzenmacher’s _The power of two choices in randomized load balancing_.`
}

function cell(
  results: readonly Result[],
  { id, figure, suffix }: (typeof COLUMNS)[number],
  name: string,
): string {
  const rows = results.find(({ scenario }) => scenario.id === id)?.rows ?? []
  // Some strategies have one row, because their result is the same for any number of clients.
  const row =
    rows.find(({ variant }) => variant.name === name + suffix) ??
    rows.find(({ variant }) => variant.name === name)
  return row ? show(figure, row.figures[figure]) : ''
}
