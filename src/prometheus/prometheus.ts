import { Counter, Gauge, Histogram, register as globalRegistry, type Registry } from 'prom-client'
import type { ClientSnapshot } from '../client/snapshot.ts'
import type { Listener } from '../observe/emitter.ts'
import type { ClientEvents } from '../observe/events.ts'
import { BoundedLabel, DURATION_BUCKETS, idLabel, methodLabel } from '../observe/labels.ts'
import { queuedOf, snapshotsOf, sumOf, type Measured } from '../client/metrics-source.ts'
import type { Watcher } from '../observe/watchers.ts'
import { checkMethods, checkObject, quote } from '../options.ts'
import { checkExemplars, exemplarOf, type ExemplarLabels } from './exemplars.ts'
import { feed } from './feed.ts'

export type { ExemplarLabels } from './exemplars.ts'
export type { Measured } from '../client/metrics-source.ts'

/** Options of `prometheus()`. */
export interface PrometheusOptions {
  /** The registry of the metrics. @default prom-client's global registry */
  register?: Registry
  /** The prefix of the metrics' names. @default 'outrigger_' */
  prefix?: string
  /** Upper bounds of the buckets of durations, in seconds. @default those of OpenTelemetry's HTTP conventions */
  buckets?: readonly number[]
  /**
   * Whether the metrics of attempts have the instance's id: this makes one series for each instance that ever
   * existed. @default false
   */
  instances?: boolean
  /**
   * Returns the labels of an exemplar for `call_duration_seconds`, such as the ids of the active span, or
   * undefined for none. Called at the end of each call, in the async context of the call. Names and values may
   * have at most 128 characters together. The registry must use the OpenMetrics format.
   *
   * @default none
   * @example
   * exemplars: () => {
   *   const span = trace.getActiveSpan()?.spanContext()
   *   return span && { trace_id: span.traceId, span_id: span.spanId }
   * }
   */
  exemplars?: () => ExemplarLabels | undefined
}

/**
 * Measures clients with prom-client. Counters and histograms follow the clients' events. Gauges are read when
 * Prometheus scrapes. Returns a function that stops the measurement and removes the metrics from the registry.
 * Call it once for all clients of a registry: prom-client refuses a second metric with the same name.
 *
 * @example
 * prometheus(users)
 * app.get('/metrics', async (_request, response) => response.end(await register.metrics()))
 */
export function prometheus(
  measured: Measured | readonly Measured[],
  options: PrometheusOptions = {},
): () => void {
  checkObject('prometheus()', options, ['register', 'prefix', 'buckets', 'instances', 'exemplars'])
  const {
    register = globalRegistry,
    prefix = 'outrigger_',
    buckets = DURATION_BUCKETS,
    instances = false,
    exemplars,
  } = options
  if (exemplars !== undefined) checkExemplars(exemplars, register)
  if (typeof prefix !== 'string' || !/^[a-z_]\w*$/i.test(prefix)) {
    throw new TypeError(`prometheus().prefix must be a valid start of a metric's name, got ${quote(prefix)}`)
  }
  const all = [measured].flat()
  for (const each of all) checkMethods('prometheus(client)', each, ['on', 'off', 'snapshot'])
  // prom-client's own error does not say that one call takes all clients.
  if (register.getSingleMetric(`${prefix}call_duration_seconds`) !== undefined) {
    const hint = 'pass all clients at once, prometheus([users, orders]), or another register or prefix'
    throw new Error(`${prefix}call_duration_seconds is already registered: ${hint}`)
  }

  const names: string[] = []
  const named = (name: string, help: string): { name: string; help: string; registers: Registry[] } => {
    names.push(prefix + name)
    return { name: prefix + name, help, registers: [register] }
  }
  const counter = <Label extends string>(name: string, help: string, labelNames: Label[]): Counter<Label> =>
    new Counter({ ...named(name, help), labelNames })
  const durations = new Histogram({
    ...named('call_duration_seconds', 'Calls, from their start to the headers of the response or the error.'),
    labelNames: ['service', 'route', 'method', 'outcome'],
    buckets: [...buckets],
    ...(exemplars && { enableExemplars: true }),
  })
  const attempts = counter('attempts_total', 'Attempts on instances, by outcome.', [
    'service',
    'route',
    'outcome',
    ...(instances ? (['instance'] as const) : []),
  ])
  const retries = counter('retries_total', 'Attempts that were followed by a retry.', ['service', 'route'])
  const hedges = counter('hedges_total', 'Hedges: additional attempts while a slow one is in progress.', [
    'service',
    'route',
  ])
  const refusals = counter('refusals_total', 'Calls that were refused, by the code of the error.', [
    'service',
    'route',
    'reason',
  ])
  const transitions = counter('breaker_transitions_total', 'State changes of breakers.', ['service', 'to'])
  const copies = counter('mirror_copies_total', 'Copies of requests that have ended or were dropped.', [
    'service',
    'route',
    'outcome',
  ])
  gauges(all, named)

  const routes = new BoundedLabel()
  const transition = ({ service, to }: ClientEvents['breaker:close']): void =>
    transitions.inc({ service, to })
  const counted: { readonly [Name in keyof ClientEvents]?: Listener<ClientEvents[Name]> } = {
    'call:retry': ({ service, route }) => retries.inc({ service, route: routes.of(route) }),
    'call:hedge': ({ service, route }) => hedges.inc({ service, route: routes.of(route) }),
    'call:rejected': ({ service, route, error }) =>
      refusals.inc({
        service,
        route: routes.of(route),
        reason: codeOf(error),
      }),
    mirror: ({ service, route, outcome }) => copies.inc({ service, route: routes.of(route), outcome }),
    'mirror:dropped': ({ service, route }) =>
      copies.inc({ service, route: routes.of(route), outcome: 'dropped' }),
    'breaker:open': transition,
    'breaker:half-open': transition,
    'breaker:close': transition,
  }
  const watcher: Watcher = {
    names: new Set(Object.keys(counted) as (keyof ClientEvents)[]),
    event: (name, event) => (counted[name] as Listener<typeof event>)(event),
    call(service, route, method, outcome, ms) {
      const labels = { service, route: routes.of(route), method: methodLabel(method), outcome }
      const value = ms / 1000
      if (exemplars) durations.observe({ labels, value, exemplarLabels: exemplarOf(exemplars) })
      else durations.observe(labels, value)
    },
    attempt(service, route, { id }, outcome) {
      const labels = { service, route: routes.of(route), outcome }
      attempts.inc(instances ? { ...labels, instance: idLabel(id) } : labels)
    },
  }
  // The labels of an exemplar come from the async context of the call. Only listeners run in it.
  const stops = all.map((each) => feed(each, watcher, exemplars !== undefined))
  return () => {
    for (const stop of stops) stop()
    for (const name of names) register.removeSingleMetric(name)
  }
}

/** Errors of Outrigger always have a code. */
function codeOf(error: Error): string {
  const { code } = error as { code?: unknown }
  return typeof code === 'string' ? code : error.name
}

/** Gauges, which are read at each scrape. */
function gauges(
  all: readonly Measured[],
  named: (name: string, help: string) => { name: string; help: string; registers: Registry[] },
): void {
  const snapshots = (): ClientSnapshot[] => all.flatMap(snapshotsOf)
  const gauge = (name: string, help: string, read: (snapshot: ClientSnapshot) => number): void => {
    void new Gauge({
      ...named(name, help),
      labelNames: ['service'],
      collect() {
        this.reset()
        for (const snapshot of snapshots()) this.inc({ service: snapshot.service }, read(snapshot))
      },
    })
  }
  gauge('in_flight', 'Attempts in progress on instances.', ({ instances }) =>
    sumOf(instances, ({ inFlight }) => inFlight),
  )
  gauge('queued', 'Requests that wait for a connection, or behind a limit.', queuedOf)
  gauge('instances_unhealthy', 'Instances that are unhealthy by their health checks.', ({ instances }) =>
    sumOf(instances, ({ health }) => Number(health?.state === 'unhealthy')),
  )
  gauge('budget_left', 'Retries and hedges that the budget allows now.', ({ budget }) => budget)
  gauge(
    'source_stale_seconds',
    'How long the registry has failed; 0 while it works.',
    ({ staleFor = 0 }) => staleFor / 1000,
  )
  gauge('source_stale', '1 while the registry fails and the last known instances are used.', ({ stale }) =>
    Number(stale),
  )
  void new Gauge({
    ...named('instances', 'Instances by the state of their breaker.'),
    labelNames: ['service', 'state'],
    collect() {
      this.reset()
      for (const { service, instances } of snapshots()) {
        for (const state of ['closed', 'open', 'half-open']) {
          this.inc({ service, state }, instances.filter(({ breaker }) => breaker === state).length)
        }
      }
    },
  })
}
