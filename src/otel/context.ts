import { context, createContextKey, type Context } from '@opentelemetry/api'

/** The key of `suppressTracing()` in `@opentelemetry/core`. Keys with the same name are the same in every package. */
const SUPPRESS_TRACING = createContextKey('OpenTelemetry SDK Context Key SUPPRESS_TRACING')
const OWN_REQUEST = createContextKey('outrigger: a request that otel() makes the span of')

/**
 * The context in which an attempt's request is passed to undici. It tells other instrumentations to make no
 * span of the request. Its own class, because a context of the API copies all values for each value that is
 * set.
 */
export class SendingContext implements Context {
  readonly #attempt: Context

  constructor(attempt: Context) {
    this.#attempt = attempt
  }

  getValue(key: symbol): unknown {
    return key === SUPPRESS_TRACING || key === OWN_REQUEST ? true : this.#attempt.getValue(key)
  }

  setValue(key: symbol, value: unknown): Context {
    return this.#plain().setValue(key, value)
  }

  deleteValue(key: symbol): Context {
    return this.#plain().deleteValue(key)
  }

  #plain(): Context {
    return this.#attempt.setValue(SUPPRESS_TRACING, true).setValue(OWN_REQUEST, true)
  }
}

/**
 * Whether `otel()` traces and measures the current request. For instrumentations of undici: their spans of such
 * a request are suppressed already, but their metrics are not.
 * @example
 * new UndiciInstrumentation({ ignoreRequestHook: isOwnRequest })
 */
export function isOwnRequest(): boolean {
  return context.active().getValue(OWN_REQUEST) === true
}
