/** Every code an {@link OutriggerError} can carry. */
export type OutriggerErrorCode =
  | 'ERR_OUTRIGGER_CIRCUIT_OPEN'
  | 'ERR_OUTRIGGER_NO_INSTANCE'
  | 'ERR_OUTRIGGER_CLOSED'
  | 'ERR_OUTRIGGER_TOO_LARGE'
  | 'ERR_OUTRIGGER_DENIED'
  | 'ERR_OUTRIGGER_CONTRACT'
  | 'ERR_OUTRIGGER_SOURCE'
  | 'ERR_OUTRIGGER_REGISTRAR'
  | 'ERR_OUTRIGGER_LIMIT'
  | 'ERR_OUTRIGGER_THROTTLED'

/**
 * A refusal by Outrigger itself. A request that failed on the wire rethrows its original error instead,
 * so `error instanceof OutriggerError` means: nothing, or nothing more, was sent.
 */
export class OutriggerError extends Error {
  readonly code: OutriggerErrorCode

  constructor(code: OutriggerErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }

  static {
    this.prototype.name = 'OutriggerError'
  }
}

/** What a refusal knows of whom it concerns. */
export interface RefusalDetails extends ErrorOptions {
  readonly service?: string | undefined
  readonly route?: string | undefined
  readonly instances?: Readonly<Record<string, number>> | undefined
}

/** What a breaker had counted when it opened. */
export interface OpenCounts {
  /** Failures in a row. */
  readonly consecutive: number
  /** Results in its window; absent without one. */
  readonly calls?: number
  /** Failures in its window; absent without one. */
  readonly failures?: number
  /** Slow calls in its window; absent without one. */
  readonly slow?: number
  /** The share of failures, or of slow calls, that decided; for these two reasons only. */
  readonly rate?: number
}

/** A refusal for want of an instance that may be picked; `cause` is what the instances failed with last. */
export class RefusalError extends OutriggerError {
  /** Absent on a standalone breaker's. */
  readonly service: string | undefined
  readonly route: string | undefined
  /** How many instances were in which state, `{ total: 3, open: 3, … }`. */
  readonly instances: Readonly<Record<string, number>> | undefined

  constructor(code: OutriggerErrorCode, message: string, details: RefusalDetails = {}) {
    const { service, route, instances, cause } = details
    super(code, message, cause === undefined ? undefined : { cause })
    this.service = service
    this.route = route
    this.instances = instances
  }
}

/** Every instance that could take the call is open, or a standalone breaker is. */
export class CircuitOpenError extends RefusalError {
  /** Milliseconds until the soonest breaker may admit a probe; `Infinity` when isolated by hand. */
  readonly retryAfter: number

  /** What decided it; of a standalone breaker that calls have opened. */
  readonly counts: OpenCounts | undefined

  constructor(
    message: string,
    retryAfter: number,
    details?: RefusalDetails & { readonly counts?: OpenCounts | undefined },
  ) {
    super('ERR_OUTRIGGER_CIRCUIT_OPEN', message, details)
    this.retryAfter = retryAfter
    this.counts = details?.counts
  }

  static {
    this.prototype.name = 'CircuitOpenError'
  }
}

/** No instance is known; `cause` is the source's last error, if it had one. */
export class NoInstanceError extends RefusalError {
  constructor(message: string, details?: RefusalDetails) {
    super('ERR_OUTRIGGER_NO_INSTANCE', message, details)
  }

  static {
    this.prototype.name = 'NoInstanceError'
  }
}

/** Many calls are refused at once when a service is down, and a stack trace would be most of their cost. */
export function withoutStack<T>(make: () => T): T {
  const limit = Error.stackTraceLimit
  // Not by an assignment, which throws where the intrinsics are frozen.
  const isSet = Reflect.set(Error, 'stackTraceLimit', 0)
  try {
    return make()
  } finally {
    if (isSet) Reflect.set(Error, 'stackTraceLimit', limit)
  }
}

/** The platform's own timeout error, as `AbortSignal.timeout()` gives it. */
export function timeoutError(message: string): DOMException {
  return new DOMException(message, 'TimeoutError')
}
