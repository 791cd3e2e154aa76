import { context, createContextKey, trace, type Context, type Span } from '@opentelemetry/api'

/** The key of `@opentelemetry/core`'s `suppressTracing()`: keys of one name are the same in every package. */
const SUPPRESS_TRACING = createContextKey('OpenTelemetry SDK Context Key SUPPRESS_TRACING')
const OWN_REQUEST = createContextKey('outrigger: a request that otel() makes the span of')

/** The context in which an attempt's request is handed to undici: nobody else is to make a span of it. */
export function sendingContext(parent: Context, span: Span): Context {
  return trace.setSpan(parent, span).setValue(SUPPRESS_TRACING, true).setValue(OWN_REQUEST, true)
}

/**
 * Whether the current request is one that `otel()` traces and measures, for instrumentations of undici: its own spans of it are
 * suppressed already, its metrics are not.
 *
 * @example
 * new UndiciInstrumentation({ ignoreRequestHook: isOwnRequest })
 */
export function isOwnRequest(): boolean {
  return context.active().getValue(OWN_REQUEST) === true
}
