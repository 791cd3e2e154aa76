import {
  context,
  metrics as globalMetrics,
  trace,
  type Context,
  type MeterProvider,
  type TracerProvider,
} from '@opentelemetry/api'
import type { Measured } from '../client/metrics-source.ts'
import type { Listener } from '../observe/emitter.ts'
import type { ClientEvents } from '../observe/events.ts'
import { checkBoolean, checkMethods, checkObject } from '../options.ts'
import { observeGauges } from './gauges.ts'
import { Metrics } from './metrics.ts'
import { Spans } from './spans.ts'

/** Options of `otel()`. */
export interface OtelOptions {
  /** Provides the tracer that makes the spans. @default the global one of `@opentelemetry/api` */
  tracerProvider?: TracerProvider
  /**
   * Provides the meter that records the metrics. @default the global one of `@opentelemetry/api`, which must be
   * set before
   */
  meterProvider?: MeterProvider
  /** Whether spans are made, and their context is sent with each attempt. @default true */
  traces?: boolean
  /** Whether metrics are recorded. @default true */
  metrics?: boolean
  /**
   * Whether the metric of attempts has the instance's id: this makes one series for each instance that ever
   * existed. @default false
   */
  instances?: boolean
}

/** What `otel()` returns. */
export interface Otel extends Disposable {
  /** Removes the listeners. Ends the spans of calls in progress. */
  stop(): void
}

const NAME = 'outrigger'

/** The clients that are observed. A second observer of a client would make each span twice. */
const observed = new WeakSet<Measured>()

/**
 * Traces and measures clients by OpenTelemetry's HTTP conventions. Makes a span for each attempt, and one for
 * each call with several attempts. Sends the context of its span with each attempt. Records metrics of calls,
 * attempts, breakers and instances.
 *
 * Throws a TypeError for an invalid option, and an Error for a client that is already observed.
 *
 * @example
 * otel(users)
 * otel([users, orders], { metrics: false })
 */
export function otel(measured: Measured | readonly Measured[], options: OtelOptions = {}): Otel {
  checkObject('otel()', options, ['tracerProvider', 'meterProvider', 'traces', 'metrics', 'instances'])
  const { traces = true, metrics = true, instances = false } = options
  for (const [name, value] of Object.entries({ traces, metrics, instances }))
    checkBoolean(`otel().${name}`, value)
  const { tracerProvider = trace.getTracerProvider(), meterProvider = globalMetrics.getMeterProvider() } =
    options
  checkMethods('otel().tracerProvider', tracerProvider, ['getTracer'])
  checkMethods('otel().meterProvider', meterProvider, ['getMeter'])
  const all = [...new Set([measured].flat())]
  for (const each of all) {
    checkMethods('otel(client)', each, ['on', 'off', 'snapshot'])
    if (observed.has(each))
      throw new Error('otel(client): the client is already observed; call stop() of that first')
  }
  const meter = metrics ? meterProvider.getMeter(NAME) : undefined
  const spans = traces ? new Spans(tracerProvider.getTracer(NAME)) : undefined
  const stopGauges = meter && observeGauges(meter, all)
  const listeners = listenersOf(spans, meter && new Metrics(meter, instances))
  const entries = Object.entries(listeners) as [keyof ClientEvents, () => void][]
  for (const each of all) {
    observed.add(each)
    for (const [name, listener] of entries) each.on(name, listener)
  }
  let isStopped = false
  const stop = (): void => {
    // Only once: another otel() may observe the clients by now.
    if (isStopped) return
    isStopped = true
    for (const each of all) {
      observed.delete(each)
      for (const [name, listener] of entries) each.off(name, listener)
    }
    stopGauges?.()
    spans?.stop()
  }
  return { stop, [Symbol.dispose]: stop }
}

type Listeners = { [Name in keyof ClientEvents]?: Listener<ClientEvents[Name]> }

function listenersOf(spans: Spans | undefined, metrics: Metrics | undefined): Listeners {
  const listeners: Listeners = {
    attempt: (event) => {
      const within = (): Context => spans?.attemptEnded(event) ?? context.active()
      recorded(within, (current) => metrics?.attempt(event, current))
    },
    call: (event) => {
      const within = (): Context => spans?.callEnded(event) ?? context.active()
      recorded(within, (current) => metrics?.call(event, current))
    },
  }
  if (spans) {
    listeners['call:start'] = (event) => spans.callStarted(event)
    listeners['attempt:start'] = (event) => spans.attemptStarted(event)
  }
  if (metrics) {
    listeners['call:retry'] = (event) => metrics.retry(event)
    listeners['call:hedge'] = (event) => metrics.hedge(event)
    listeners.mirror = (event) => metrics.copy(event, event.outcome)
    listeners['mirror:dropped'] = (event) => metrics.copy(event, 'dropped')
    const transition = (event: ClientEvents['breaker:close']): void => metrics.transition(event)
    for (const name of ['breaker:open', 'breaker:half-open', 'breaker:close'] as const)
      listeners[name] = transition
  }
  return listeners
}

/** If the tracer throws, the metric is still recorded. The error is rethrown and reported afterwards. */
function recorded(within: () => Context, record: (current: Context) => void): void {
  let current = context.active()
  try {
    current = within()
  } finally {
    record(current)
  }
}
