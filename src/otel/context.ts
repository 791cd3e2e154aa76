import { context, createContextKey, type Context } from '@opentelemetry/api'

/** The key of `@opentelemetry/core`'s `suppressTracing()`: keys of one name are the same in every package. */
const SUPPRESS_TRACING = createContextKey('OpenTelemetry SDK Context Key SUPPRESS_TRACING')
const OWN_REQUEST = createContextKey('outrigger: a request that otel() makes the span of')

/**
 * The context in which an attempt's request is handed to undici: nobody else is to make a span of it. A context of the API's own
 * copies all values for each one that is set.
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
 * Whether the current request is one that `otel()` traces and measures, for instrumentations of undici: its own spans of it are
 * suppressed already, its metrics are not.
 *
 * @example
 * new UndiciInstrumentation({ ignoreRequestHook: isOwnRequest })
 */
export function isOwnRequest(): boolean {
  return context.active().getValue(OWN_REQUEST) === true
}
