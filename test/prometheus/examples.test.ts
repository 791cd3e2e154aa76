import { readFile } from 'node:fs/promises'
import { Registry } from 'prom-client'
import { beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { createClient, fixed } from '../../src/index.ts'
import { prometheus } from '../../src/prometheus.ts'

interface Rules {
  readonly groups: readonly { readonly rules: readonly { record?: string; alert?: string; expr: string }[] }[]
}
interface Dashboard {
  readonly panels: readonly { readonly targets: readonly { readonly expr: string }[] }[]
  readonly templating: { readonly list: readonly { readonly definition?: string }[] }
}

const textOf = (path: string): Promise<string> => readFile(new URL(`../../${path}`, import.meta.url), 'utf8')

/** The labels of each metric that is exported or recorded. */
const known = new Map<string, readonly string[]>()
const expressions = new Map<string, string>()

beforeAll(async () => {
  await using client = createClient({ service: 'svc', source: fixed([]) })
  const register = new Registry()
  prometheus(client, { register })
  for (const metric of register.getMetricsAsArray() as unknown as {
    name: string
    type: string
    labelNames: string[]
  }[]) {
    const { name, labelNames, type } = metric
    // Prometheus adds these two at a scrape.
    const labels = [...labelNames, 'job', 'instance']
    known.set(name, labels)
    if (type !== 'histogram') continue
    for (const suffix of ['_bucket', '_sum', '_count']) known.set(name + suffix, [...labels, 'le'])
  }
  const rules = (parse(await textOf('examples/prometheus/rules.yml')) as Rules).groups.flatMap(
    (group) => group.rules,
  )
  for (const { record, alert, expr } of rules) {
    if (record) known.set(record, record.split(':')[0]!.split('_'))
    expressions.set(`rule ${record ?? alert}`, expr)
  }
  const dashboard = JSON.parse(await textOf('examples/prometheus/dashboard.json')) as Dashboard
  for (const { expr } of dashboard.panels.flatMap(({ targets }) => targets))
    expressions.set(`panel ${expr}`, expr)
  for (const { definition } of dashboard.templating.list) {
    if (definition) expressions.set(`variable ${definition}`, definition)
  }
  const page = await textOf('docs/prometheus.md')
  const queries = page.match(/(?<=`)(?:sum|histogram_quantile)[^`]+(?=`)/g) ?? []
  for (const query of queries) expressions.set(`docs ${query}`, query)
})

/** Returns what an expression names that does not exist. */
function unknownNames(expression: string): string[] {
  const unknown: string[] = []
  const used = new Set<string>()
  for (const [, name = '', matchers = ''] of expression.matchAll(
    /([a-z_:]*outrigger\w*(?::\w+)?)(?:\{([^}]*)\})?/g,
  )) {
    const labels = known.get(name)
    if (!labels) unknown.push(name)
    for (const label of labels ?? []) used.add(label)
    for (const [, label = ''] of matchers.matchAll(/(\w+)\s*[=!]/g))
      if (!labels?.includes(label)) unknown.push(label)
  }
  if (used.size === 0) unknown.push('no metric at all')
  for (const [, list = ''] of expression.matchAll(/\bby \(([^)]*)\)/g)) {
    for (const label of list.split(',').map((each) => each.trim())) if (!used.has(label)) unknown.push(label)
  }
  return unknown
}

describe('the PromQL of the examples and of the documentation', () => {
  it('uses metrics and labels that exist', () => {
    expect(expressions.size).toBeGreaterThan(30)
    const wrong = [...expressions].flatMap(([where, expression]) =>
      unknownNames(expression).map((name) => `${name} in ${where}`),
    )
    expect(wrong).toEqual([])
  })

  it('is detected when it does not', () => {
    expect(unknownNames('rate(outrigger_calls_total[5m])')).toEqual([
      'outrigger_calls_total',
      'no metric at all',
    ])
    expect(unknownNames('sum by (host) (outrigger_queued{zone="a"})')).toEqual(['zone', 'host'])
    expect(unknownNames('vector(1)')).toEqual(['no metric at all'])
  })

  it('the metrics table of docs/prometheus.md has every metric, with its labels', async () => {
    const page = await textOf('docs/prometheus.md')
    const rows = new Map(
      [...page.matchAll(/^\| `(outrigger_\w+)`\s*\| \w+\s*\| ([^|]*?)\s*\|/gm)].map(
        ([, name, labels = '']) => [name!, labels.split(', ')],
      ),
    )
    const exported = [...known].filter(
      ([name]) => name.startsWith('outrigger_') && !/_(bucket|sum|count)$/.test(name),
    )
    expect(new Map(exported.map(([name, labels]) => [name, labels.slice(0, -2)]))).toEqual(rows)
  })
})
