import { fileURLToPath } from 'node:url'
import { formatted } from '../../scripts/format.ts'
import { chart } from '../scoreboard/chart.ts'
import { CONTENDERS } from './behaviour.ts'
import type { Figures } from './tally.ts'
import { fails, REPEATS, typical, undecided, type Result } from './verdict.ts'

const DOCS = fileURLToPath(new URL('../../docs/', import.meta.url))

/** The report's files, by absolute path. */
export async function render(results: readonly Result[]): Promise<ReadonlyMap<string, string>> {
  const path = `${DOCS}incidents.md`
  const markdown = [introduction(results), ...results.map(chapter)].join('\n\n')
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

What ordinary incidents cost, with real sockets and processes: plain \`fetch\` with naive round robin, round robin with an
[opossum](https://github.com/nodeshift/opossum) breaker per host that skips hosts whose breaker is open, and Outrigger with its default
options. \`npm run incidents\` writes this page.

All three run in one process at the same moment, with the same calls, against the same server processes. Each server
listens once for each of them, so none feels the load of another. A call is lost when its answer is not a complete
200, or is not there within the caller’s patience.

\`npm run incidents -- --check\` fails when Outrigger loses more than plain fetch, beyond a margin for noise: 3 calls, or
1.5 % of the calls where that is more. A row over half its margin runs ${REPEATS} times, and the median decides.
A run that had to wait more than 250 ms for its turn on the machine counts only where there is no other, and a row
with no other is undecided (?). Figures are of one machine and one run, the median one where a row ran more than once. \`--only one-slow\` runs one row.

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

/** As GitHub makes them. */
function anchor(title: string): string {
  return title
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} -]/gu, '')
    .replaceAll(' ', '-')
}
