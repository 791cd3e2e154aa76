/** Every code of an {@link OutriggerError}. */
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
 * A refusal by Outrigger. A request that failed on the wire rejects with its original error instead. So `error
 * instanceof OutriggerError` means that nothing, or nothing more, was sent.
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

/** What a refusal says about the call. */
export interface RefusalDetails extends ErrorOptions {
  readonly service?: string | undefined
  readonly route?: string | undefined
  readonly instances?: Readonly<Record<string, number>> | undefined
}

/** The counts of a breaker when it opened. */
export interface OpenCounts {
  /** Failures in a row. */
  readonly consecutive: number
  /** Results in the window. Absent without a window. */
  readonly calls?: number
  /** Failures in the window. Absent without a window. */
  readonly failures?: number
  /** Slow calls in the window. Absent without a window. */
  readonly slow?: number
  /** The share of failures, or of slow calls, that opened the breaker, 0 to 1. Only set for these two reasons. */
  readonly rate?: number
}

/** A refusal because no instance may be picked. `cause` is the last error of the instances. */
export class RefusalError extends OutriggerError {
  /** Absent for a standalone breaker. */
  readonly service: string | undefined
  readonly route: string | undefined
  /** How many instances are in each state, such as `{ total: 3, open: 3, … }`. */
  readonly instances: Readonly<Record<string, number>> | undefined

  constructor(code: OutriggerErrorCode, message: string, details: RefusalDetails = {}) {
    const { service, route, instances, cause } = details
    super(code, message, cause === undefined ? undefined : { cause })
    this.service = service
    this.route = route
    this.instances = instances
  }
}

/** The breakers of all instances for the call are open, or a standalone breaker is open. */
export class CircuitOpenError extends RefusalError {
  /** Milliseconds until the first breaker may admit a probe. `Infinity` for a breaker that was isolated by hand. */
  readonly retryAfter: number

  /** The counts that opened it. Only for a standalone breaker that was opened by its calls. */
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

/** No instance is known. `cause` is the source's last error, if there was one. */
export class NoInstanceError extends RefusalError {
  constructor(message: string, details?: RefusalDetails) {
    super('ERR_OUTRIGGER_NO_INSTANCE', message, details)
  }

  static {
    this.prototype.name = 'NoInstanceError'
  }
}

/**
 * Makes an error without a stack trace. When a service is down, many calls are refused at once, and stack
 * traces would be most of the cost.
 */
export function withoutStack<T>(make: () => T): T {
  const limit = Error.stackTraceLimit
  // Reflect.set(), because an assignment throws when the intrinsics are frozen.
  const isSet = Reflect.set(Error, 'stackTraceLimit', 0)
  try {
    return make()
  } finally {
    if (isSet) Reflect.set(Error, 'stackTraceLimit', limit)
  }
}

/** Makes the platform's timeout error, as `AbortSignal.timeout()` does. */
export function timeoutError(message: string): DOMException {
  return new DOMException(message, 'TimeoutError')
}
