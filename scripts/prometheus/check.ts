/**
 * Runs the example under load, with a real Prometheus that scrapes it. Checks the results of the four golden signals.
 */
import { spawnSync } from 'node:child_process'
import { createServer, type ServerResponse } from 'node:http'
import { isDeepStrictEqual } from 'node:util'
import dashboard from '../../examples/prometheus/dashboard.json' with { type: 'json' }
import { listen, startApp, type App } from '../../examples/prometheus/app.ts'
import { startPrometheus, type PrometheusServer } from './server.ts'

const held: ServerResponse[] = []
const answer = (path: string, response: ServerResponse, isFirst: boolean): void => {
  if (path === '/users/slow') setTimeout(() => response.end('late'), 300)
  else if (path === '/held') held.push(response)
  else response.writeHead(path === '/bad' || (path === '/users/retried' && isFirst) ? 503 : 200).end('{}')
}
let retried = 0
const upstreams = [0, 1].map(() =>
  createServer((request, response) => {
    const { url = '/' } = request
    answer(url, response, url === '/users/retried' && retried++ % 2 === 0)
  }),
)

/** Two rounds, so that each counter grows between two scrapes. */
async function makeTraffic(app: App, server: PrometheusServer): Promise<void> {
  for (const round of [1, 2]) {
    const all = [...Array(20).fill('/users/1'), ...Array(2).fill('/users/slow'), '/users/retried'] as string[]
    for (const path of all) await (await fetch(app.url + path)).text()
    await app.users.execute(() => Promise.reject(new Error('broken')), { idempotent: false }).catch(() => {})
    // The call before the first scrape counts too.
    const wanted = 1 + 23 * round
    await server.until(
      'sum(outrigger_call_duration_seconds_count{outcome="success"})',
      ([sample]) => sample?.value === wanted,
    )
    await saturate(app, server, round)
  }
}

/** Makes eight calls in flight, three that wait, and two that are refused. */
async function saturate(app: App, server: PrometheusServer, round: number): Promise<void> {
  const abort = new AbortController()
  const calls = Array.from({ length: 13 }, () => app.users('/held', { signal: abort.signal }).catch(() => {}))
  await server.until(
    'sum(outrigger_refusals_total{reason="ERR_OUTRIGGER_LIMIT"})',
    ([sample]) => sample?.value === 2 * round,
  )
  await server.until('sum(outrigger_in_flight)', ([sample]) => sample?.value === 8)
  await server.until('sum(outrigger_queued)', ([sample]) => sample?.value === 3)
  abort.abort()
  await Promise.all(calls)
  await server.until('sum(outrigger_queued)', ([sample]) => sample?.value === 0)
}

async function check(): Promise<void> {
  const instances = await Promise.all(upstreams.map((upstream) => listen(upstream)))
  await using app = await startApp(instances)
  await (await fetch(`${app.url}/users/0`)).text()
  const lint = spawnSync('promtool', ['check', 'metrics'], {
    input: await (await fetch(`${app.url}/metrics`)).text(),
    encoding: 'utf8',
  })
  if (lint.status !== 0) throw new Error(`promtool check metrics: ${lint.error ?? lint.stderr}`)
  say('the metrics pass promtool check metrics')

  await using server = await startPrometheus(new URL(app.url).host)
  await server.until('up', ([sample]) => sample?.value === 1)
  await server.until('sum(outrigger_call_duration_seconds_count)', ([sample]) => sample?.value === 1)
  await goldenSignals(app, server)
  await incident(app, server)
  await everyExpression(server)
}

async function goldenSignals(app: App, server: PrometheusServer): Promise<void> {
  await makeTraffic(app, server)
  const outcomes = await server.query('sum by (outcome) (outrigger_call_duration_seconds_count)')
  const counted = Object.fromEntries(outcomes.map(({ metric, value }) => [metric['outcome'], value]))
  equal('traffic and errors', counted, { success: 47, failure: 2, refused: 4, aborted: 22 })
  await server.until(
    'service:outrigger_calls:rate5m{service="user-service"}',
    ([sample]) => (sample?.value ?? 0) > 0,
  )
  await server.until(
    'service:outrigger_call_errors:ratio5m{service="user-service"}',
    ([sample]) => sample !== undefined && sample.value > 0 && sample.value < 0.5,
  )
  const [slow] = await server.query(
    'histogram_quantile(0.99, sum by (le) (outrigger_call_duration_seconds_bucket{route="GET /users/{id}"}))',
  )
  if (!slow || slow.value < 0.25)
    throw new Error(`the p99 of a route with calls of 300 ms is ${slow?.value} s`)
  say(`latency: p99 ${slow.value.toFixed(3)} s`)
  const [retries] = await server.query('sum(outrigger_retries_total)')
  equal('retries', retries?.value, 2)
  equal('open instances', (await server.query('sum(outrigger_instances{state="open"})'))[0]?.value, 0)
  say('saturation: 8 in flight, 3 queued, 2 refused, twice')
}

/** Both instances fail. Prometheus must see the open breakers, and the alert must be pending. */
async function incident(app: App, server: PrometheusServer): Promise<void> {
  for (let call = 0; call < 60; call++) await (await fetch(`${app.url}/bad`)).text()
  await server.until('sum(outrigger_instances{state="closed"})', ([sample]) => sample?.value === 0)
  await server.until(
    'sum(outrigger_breaker_transitions_total{to="open"})',
    ([sample]) => (sample?.value ?? 0) >= 2,
  )
  await server.until('ALERTS{alertname="OutriggerAllBreakersOpen"}', (samples) => samples.length === 1)
  await server.until(
    'rate(outrigger_breaker_transitions_total{to="open"}[5m])',
    (samples) => samples.length === 1,
  )
  say('both instances fail: their breakers are open, and the alert is pending')
}

/** Every expression of the rules and of the dashboard must have a result. */
async function everyExpression(server: PrometheusServer): Promise<void> {
  const { groups } = (await server.get('/api/v1/rules')) as {
    groups: { rules: { name: string; health: string; lastError?: string }[] }[]
  }
  const rules = groups.flatMap((group) => group.rules)
  const ill = rules.filter(({ health }) => health !== 'ok')
  equal('rules that fail', ill, [])
  const expressions = dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr))
  for (const each of expressions) {
    const expression = each.replaceAll('$service', '.*').replaceAll('$__rate_interval', '5m')
    const samples = await server.query(expression)
    if (samples.length === 0) throw new Error(`the dashboard's ${each} has no result`)
  }
  say(`${rules.length} rules and ${expressions.length} expressions of the dashboard have results`)
}

function equal(what: string, is: unknown, wanted: unknown): void {
  if (!isDeepStrictEqual(is, wanted)) {
    throw new Error(`${what}: ${JSON.stringify(is)}, not ${JSON.stringify(wanted)}`)
  }
  say(`${what}: ${JSON.stringify(is)}`)
}

function say(line: string): void {
  console.log(line)
}

try {
  await check()
} finally {
  for (const upstream of upstreams) {
    upstream.closeAllConnections()
    upstream.close()
  }
}
