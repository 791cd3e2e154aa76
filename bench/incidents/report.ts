import { fileURLToPath } from 'node:url'
import { formatted } from '../../scripts/format.ts'
import { chart } from '../scoreboard/chart.ts'
import { CONTENDERS } from './behaviour.ts'
import type { Figures } from './tally.ts'
import { fails, REPEATS, typical, undecided, type Result } from './verdict.ts'

const DOCS = fileURLToPath(new URL('../../docs/', import.meta.url))

/** The end of the report. */
const ADVICE = `## Do and don't

- Do run the incident that you fear most with your own options: change \`options\` of its row in \`bench/incidents/rows\`.
- Do pass a \`signal\`, or set \`timeout.attempt\`. Then a hanging instance costs little time, and its breaker learns of it.
- Don't repeat POSTs to lose fewer calls, unless the service accepts a repeated POST. Say so with \`idempotent: true\`.
- Don't compare figures of different machines.`

/** The files of the report, by absolute path. */
export async function render(results: readonly Result[]): Promise<ReadonlyMap<string, string>> {
  const path = `${DOCS}incidents.md`
  const markdown = [introduction(results), ...results.map(chapter), ADVICE].join('\n\n')
  const files = new Map([[path, await formatted(path, markdown)]])
  for (const result of results) {
    const { id, title } = result.incident
    const run = typical(result)
    const series = CONTENDERS.map((name) => ({ name, points: run[name].points }))
    files.set(`${DOCS}incidents/${id}.svg`, chart(title, series))
  }
  return files
}

function introduction(results: readonly Result[]): string {
  const rows = results.map((result) => {
    const run = typical(result)
    const { incident } = result
    const limit = incident.allowed ? `${incident.allowed.factor.toFixed(2)} × fetch` : 'fetch'
    const figures = CONTENDERS.map((name) => run[name].lost)
    const verdict = undecided(result) ? '?' : fails(result) ? '✗' : '✓'
    return [
      `[${incident.title}](#${anchor(incident.title)})`,
      run.fetch.calls,
      ...figures,
      `${verdict} ≤ ${limit}`,
    ]
  })
  return `# Incidents

This page shows how many calls three clients lose in ordinary incidents, with real sockets and processes:

- **fetch**: plain \`fetch\` with simple round robin;
- **opossum**: round robin with an [opossum](https://github.com/nodeshift/opossum) breaker for each host. It skips hosts whose breaker is open;
- **outrigger**: Outrigger with its default options.

\`npm run incidents\` writes this page.

- The three clients run in one process, at the same time, with the same calls, against the same server processes. Each server process listens on one port for each client, so the
  load of one client does not affect the others.
- A call is lost when its response is not a complete 200, or does not arrive within the time that the caller waits.
- The figures are from one machine and one run. When a row ran several times, they are from the median run.

\`npm run incidents -- --check\` fails when Outrigger loses more calls than plain fetch, with a margin for noise: 3 calls or 1.5 % of the calls, the larger of the two.
\`--only one-slow\` runs one row.

- When a row uses more than half of its margin, it runs ${REPEATS} times, and the median decides.
- A run is disturbed when it had to wait more than 250 ms for the CPU. It counts only when a row has no other run. Then the row is undecided (?).

${table(['incident', 'calls', 'fetch loses', 'opossum loses', 'Outrigger loses', 'must be'], rows)}`
}

function chapter(result: Result): string {
  const run = typical(result)
  const { id, title, what, allowed, patience } = result.incident
  const rows = CONTENDERS.map((name) => [name, ...cells(run[name], patience)])
  return [
    `## ${title}`,
    what,
    table(['', 'lost', 'slowest call', 'recovered after', 'requests ÷ calls'], rows),
    `![${title}: success and p99 over time](incidents/${id}.svg)`,
    ...(allowed
      ? [`Outrigger may lose ${allowed.factor.toFixed(2)} times what fetch loses here: ${allowed.why}.`]
      : []),
  ].join('\n\n')
}

function cells({ lost, slowest, recovered, load }: Figures, patience: number): readonly string[] {
  return [
    String(lost),
    slowest >= patience ? `over ${patience} ms` : `${slowest.toFixed(0)} ms`,
    `${(recovered / 1000).toFixed(1)} s`,
    load.toFixed(2),
  ]
}

function table(headings: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const rule = headings.map((_, index) => (index === 0 ? '---' : '--:'))
  return [headings, rule, ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n')
}

/** Returns the anchor of a heading as GitHub makes it. */
function anchor(title: string): string {
  return title
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} -]/gu, '')
    .replaceAll(' ', '-')
}
