import { holds, type Result, type Row } from './result.ts'
import type { Bound, Figure } from './scenario.ts'

const HEADINGS: Readonly<Record<Figure, string>> = {
  success: 'success',
  worst: 'worst seed',
  mean: 'mean',
  p50: 'p50',
  p99: 'p99',
  p999: 'p99.9',
  load: 'attempts ÷ calls',
  recovery: 'recovered after',
}

/** Returns the chapter of a scenario. */
export function chapter({ scenario, rows }: Result): string {
  const drawn = scenario.variants.some(({ chart }) => chart)
  return [
    `## ${scenario.title}`,
    scenario.setUp,
    table(scenario.figures, rows),
    ...(drawn ? [`![${scenario.title}: success and p99 over time](scoreboard/${scenario.id}.svg)`] : []),
    ...scenario.findings,
  ].join('\n\n')
}

export function table(figures: readonly Figure[], rows: readonly Row[]): string {
  const published = rows.some(({ variant }) => variant.published !== undefined)
  const reach = rows.some(({ variant }) => variant.reach !== undefined)
  const cells = rows.map((row) => [
    row.variant.name,
    ...figures.map((figure) => show(figure, row.figures[figure])),
    ...(published ? [row.variant.published ?? ''] : []),
    ...(reach ? [(row.variant.reach ?? []).map((bound) => verdict(bound, row)).join(', ')] : []),
  ])
  const headings = [
    '',
    ...figures.map((figure) => HEADINGS[figure]),
    ...(published ? ['published'] : []),
    ...(reach ? ['to reach'] : []),
  ]
  const rule = headings.map((_, index) => (index > 0 && index <= figures.length ? '--:' : '---'))
  return [headings, rule, ...cells].map((row) => `| ${row.join(' | ')} |`).join('\n')
}

function verdict(bound: Bound, row: Row): string {
  const { figure, atLeast, atMost } = bound
  const limit = atLeast === undefined ? `≤ ${show(figure, atMost ?? 0)}` : `≥ ${show(figure, atLeast)}`
  const name = figure === 'success' ? '' : `${HEADINGS[figure]} `
  return `${holds(bound, row) ? '✓' : '✗'} ${name}${limit}`
}

/** Never rounded up to 100 %. */
export function show(figure: Figure, value: number): string {
  if (figure === 'success' || figure === 'worst') return `${(Math.floor(value * 1e5) / 1e3).toFixed(3)} %`
  if (figure === 'load') return value.toFixed(4)
  if (figure === 'recovery') return value === Infinity ? 'never' : `${value.toFixed(0)} s`
  return `${value.toFixed(value < 100 ? 1 : 0)} ms`
}
