import { Counter, Gauge, Histogram, register as globalRegistry, type Registry } from 'prom-client'
import type { ClientSnapshot } from '../client/snapshot.ts'
import type { Listener } from '../observe/emitter.ts'
import type { ClientEvents } from '../observe/events.ts'
import { BoundedLabel, DURATION_BUCKETS, idLabel, methodLabel } from '../observe/labels.ts'
import { queuedOf, snapshotsOf, sumOf, type Measured } from '../client/measured.ts'
import { checkMethods, checkObject, quote } from '../options.ts'
import { checkExemplars, exemplarOf, type ExemplarLabels } from './exemplars.ts'

export type { ExemplarLabels } from './exemplars.ts'
export type { Measured } from '../client/measured.ts'

/** Options of `prometheus()`. */
export interface PrometheusOptions {
  /** Where the metrics are registered. @default prom-client's global registry */
  register?: Registry
  /** What their names begin with. @default 'outrigger_' */
  prefix?: string
  /** Upper bounds of the buckets of durations, in seconds. @default those of OpenTelemetry's HTTP conventions */
  buckets?: readonly number[]
  /** Adds the instance's id to the metrics of attempts: one series for each instance there ever was. @default false */
  instances?: boolean
  /**
   * Asked at the end of each call, in the call's own async context: the labels of an exemplar for `call_duration_seconds`, such as
   * the ids of the active span; undefined for none. 128 characters at most, names included. The registry must be one of OpenMetrics.
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
 * Measures clients with prom-client. What counts comes from their events; what stands at a moment is read when Prometheus asks.
 * Returns a function that stops it and takes the metrics out of the registry. Once for all clients of a registry: prom-client refuses
 * a second metric of the same name.
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
    throw new TypeError(`prometheus().prefix must be the beginning of a metric's name, got ${quote(prefix)}`)
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
    ...named(
      'call_duration_seconds',
      'Calls, from their begin to the headers of their answer or their error.',
    ),
    labelNames: ['service', 'route', 'method', 'outcome'],
    buckets: [...buckets],
    ...(exemplars && { enableExemplars: true }),
  })
  const attempts = counter('attempts_total', 'Tries on an instance, by what they count as.', [
    'service',
    'route',
    'outcome',
    ...(instances ? (['instance'] as const) : []),
  ])
  const retries = counter('retries_total', 'Tries that another one followed.', ['service', 'route'])
  const hedges = counter('hedges_total', 'Second tries beside a slow one.', ['service', 'route'])
  const refusals = counter('refusals_total', 'Calls that were refused, by the code of the error.', [
    'service',
    'route',
    'reason',
  ])
  const transitions = counter('breaker_transitions_total', 'Changes of state of breakers.', ['service', 'to'])
  const copies = counter('mirror_copies_total', 'Copies of requests that are over, or were dropped.', [
    'service',
    'route',
    'outcome',
  ])
  gauges(all, named)

  const routes = new BoundedLabel()
  const transition = ({ service, to }: ClientEvents['breaker:open']): void => transitions.inc({ service, to })
  const listeners: { readonly [Name in keyof ClientEvents]?: Listener<ClientEvents[Name]> } = {
    call: ({ service, route, method, outcome, duration }) => {
      const labels = { service, route: routes.of(route), method: methodLabel(method), outcome }
      const value = duration / 1000
      if (exemplars) durations.observe({ labels, value, exemplarLabels: exemplarOf(exemplars) })
      else durations.observe(labels, value)
    },
    attempt: ({ service, route, outcome, instance }) =>
      attempts.inc({
        service,
        route: routes.of(route),
        outcome,
        ...(instances && { instance: idLabel(instance.id) }),
      }),
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
  const entries = Object.entries(listeners) as [keyof ClientEvents, () => void][]
  for (const each of all) for (const [name, listener] of entries) each.on(name, listener)
  return () => {
    for (const each of all) for (const [name, listener] of entries) each.off(name, listener)
    for (const name of names) register.removeSingleMetric(name)
  }
}

/** Ours is always an error with a code. */
function codeOf(error: Error): string {
  const { code } = error as { code?: unknown }
  return typeof code === 'string' ? code : error.name
}

/** What stands at the moment of the scrape. */
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
  gauge('in_flight', 'Attempts that hold a place on an instance.', ({ instances }) =>
    sumOf(instances, ({ inFlight }) => inFlight),
  )
  gauge('queued', 'Requests that wait for a connection, or behind a limit.', queuedOf)
  gauge('instances_unhealthy', 'Instances that their health checks have taken out.', ({ instances }) =>
    sumOf(instances, ({ health }) => Number(health?.state === 'unhealthy')),
  )
  gauge('budget_left', 'Retries and hedges that the budget allows now.', ({ budget }) => budget)
  gauge(
    'source_stale_seconds',
    'How long the registry has been failing; 0 while it does not.',
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
