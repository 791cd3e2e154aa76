import { OutriggerError } from '../errors.ts'
import { isCallersFault } from './callers-fault.ts'
import { askClassify, type Classify } from './classify.ts'
import { overruled, VERDICTS, type Ending, type Verdict } from './verdict.ts'
import { isA, readOf } from '../hooks/thrown.ts'

/** What is known of a request that ended with an error. */
export interface Fault {
  readonly error: unknown
  /** True if the request was on a connection. */
  readonly sent: boolean
  /** True if the response headers had arrived. */
  readonly isAnswered: boolean
  /** True if its connection had already carried a response to an earlier request. */
  readonly isReused: boolean
  /** The body of the request, as passed to undici. */
  readonly body: unknown
}

/** This process has reached a limit of the operating system. */
const OUT_OF_RESOURCES: ReadonlySet<unknown> = new Set([
  'EMFILE',
  'ENFILE',
  'EADDRNOTAVAIL',
  'ENOBUFS',
  'ENOMEM',
])
/** The response is larger than this client accepts. */
const UNTAKEABLE: ReadonlySet<unknown> = new Set([
  'UND_ERR_HEADERS_OVERFLOW',
  'HPE_HEADER_OVERFLOW',
  'UND_ERR_RES_EXCEEDED_MAX_SIZE',
])
const CONNECT_TIMED_OUT: ReadonlySet<unknown> = new Set(['UND_ERR_CONNECT_TIMEOUT', 'ETIMEDOUT'])
const CLOSED: ReadonlySet<unknown> = new Set(['ECONNRESET', 'ECONNABORTED', 'EPIPE'])

/** The HTTP/2 error code REFUSED_STREAM (RFC 9113, section 7). */
const REFUSED_STREAM = 7

/**
 * Returns the verdict on an error. The user function `classify` may change its outcome, unless the caller caused the
 * error or the response headers had arrived: then the attempt already has an outcome.
 */
export function faultVerdict(fault: Fault, custom: Classify | undefined): Verdict {
  // Reading an error of undici or Node never throws. If it throws, the error comes from the caller's code, such as a body.
  const verdict: Verdict = VERDICTS[readOf(() => endingOfFault(fault), 'mistaken')]
  if (verdict.whose === 'caller' || fault.isAnswered) return verdict
  return overruled(verdict, askClassify(custom, { error: fault.error })?.outcome)
}

/** Returns how an attempt with this error ended, if `classify` does not decide it. */
export function endingOfFault({ error, sent, isAnswered, isReused, body }: Fault): Ending {
  if (isCallersFault(error, body)) return 'mistaken'
  const { code } = (error ?? {}) as { code?: unknown }
  if (UNTAKEABLE.has(code)) return 'untakeable'
  if (!sent)
    return OUT_OF_RESOURCES.has(code)
      ? 'outOfResources'
      : CONNECT_TIMED_OUT.has(code)
        ? 'unreachable'
        : 'notConnected'
  if (isAnswered) return 'truncated'
  if (isUnprocessed(error)) return 'unprocessed'
  if (code === 'UND_ERR_HEADERS_TIMEOUT') return 'silent'
  return isReused && isClosed(error) ? 'deadConnection' : 'broken'
}

/**
 * Returns the verdict on an error of a function given to `execute`. It is unknown whether the instance has processed
 * anything.
 */
export function thrownVerdict(error: unknown, custom: Classify | undefined): Verdict {
  const verdict = isA(error, OutriggerError) ? VERDICTS.nestedRefusal : VERDICTS.threw
  return overruled(verdict, askClassify(custom, { error })?.outcome)
}

/**
 * True if the server said that it has not processed the request (RFC 9113, sections 6.8 and 8.7), or if the request
 * headers were not sent.
 */
function isUnprocessed(error: unknown): boolean {
  const { message, http2ErrorCode } = (error ?? {}) as { message?: unknown; http2ErrorCode?: unknown }
  if (http2ErrorCode === REFUSED_STREAM) return true
  // undici sets no code on these errors. Type 1 is a HEADERS frame.
  return /^HTTP\/2: "(?:GOAWAY" frame received|frameError" received - type 1,)/.test(String(message))
}

/** True if the server, or something on the path, has closed the connection. */
function isClosed(error: unknown): boolean {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown }
  if (CLOSED.has(code)) return true
  return code === 'UND_ERR_SOCKET' && (message === 'other side closed' || message === 'closed')
}
