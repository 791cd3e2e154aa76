import { OutriggerError } from '../errors.ts'
import { isCallersFault } from './callers-fault.ts'
import { askClassify, type Classify } from './classify.ts'
import { overruled, VERDICTS, type Ending, type Verdict } from './verdict.ts'
import { isA, readOf } from '../hooks/thrown.ts'

/** What is known of a request that ended with an error. */
export interface Fault {
  readonly error: unknown
  /** Whether it was on a connection. */
  readonly sent: boolean
  /** Whether the headers of an answer had come. */
  readonly isAnswered: boolean
  /** Whether its connection had already brought an answer to an earlier request. */
  readonly isReused: boolean
  /** The request's body, as undici has it. */
  readonly body: unknown
}

/** This process has run out of something. */
const OUT_OF_RESOURCES: ReadonlySet<unknown> = new Set([
  'EMFILE',
  'ENFILE',
  'EADDRNOTAVAIL',
  'ENOBUFS',
  'ENOMEM',
])
/** The instance has answered with more than this client takes. */
const UNTAKEABLE: ReadonlySet<unknown> = new Set([
  'UND_ERR_HEADERS_OVERFLOW',
  'HPE_HEADER_OVERFLOW',
  'UND_ERR_RES_EXCEEDED_MAX_SIZE',
])
const TIMED_OUT: ReadonlySet<unknown> = new Set(['UND_ERR_CONNECT_TIMEOUT', 'ETIMEDOUT'])
const CLOSED: ReadonlySet<unknown> = new Set(['ECONNRESET', 'ECONNABORTED', 'EPIPE'])

/** RFC 9113 §7. */
const REFUSED_STREAM = 7

/**
 * The verdict on an error. The user's own `classify` may say what it counts as, unless the caller caused it, or an answer was
 * already counted.
 */
export function faultVerdict(fault: Fault, custom: Classify | undefined): Verdict {
  // Errors of undici and Node can be read. One that throws when it is looked at comes from the caller's code, such as his body.
  const verdict: Verdict = VERDICTS[readOf(() => endingOf(fault), 'mistaken')]
  if (verdict.whose === 'caller' || fault.isAnswered) return verdict
  return overruled(verdict, askClassify(custom, { error: fault.error })?.outcome)
}

/** The row of the table that an error belongs to. */
export function endingOf({ error, sent, isAnswered, isReused, body }: Fault): Ending {
  if (isCallersFault(error, body)) return 'mistaken'
  const { code } = (error ?? {}) as { code?: unknown }
  if (UNTAKEABLE.has(code)) return 'untakeable'
  if (!sent)
    return OUT_OF_RESOURCES.has(code)
      ? 'outOfResources'
      : TIMED_OUT.has(code)
        ? 'unreachable'
        : 'notConnected'
  if (isAnswered) return 'truncated'
  if (isUnprocessed(error)) return 'unprocessed'
  if (code === 'UND_ERR_HEADERS_TIMEOUT') return 'silent'
  return isReused && isClosed(error) ? 'deadConnection' : 'broken'
}

/** The verdict on what a function given to `execute` threw: nobody can tell what of it has reached the instance. */
export function thrownVerdict(error: unknown, custom: Classify | undefined): Verdict {
  const verdict = isA(error, OutriggerError) ? VERDICTS.nestedRefusal : VERDICTS.threw
  return overruled(verdict, askClassify(custom, { error })?.outcome)
}

/** The server said that it has not begun with the request (RFC 9113 §6.8 and §8.7), or its headers never left. */
function isUnprocessed(error: unknown): boolean {
  const { message, http2ErrorCode } = (error ?? {}) as { message?: unknown; http2ErrorCode?: unknown }
  if (http2ErrorCode === REFUSED_STREAM) return true
  // undici gives these no code of their own. Type 1 is HEADERS.
  return /^HTTP\/2: "(?:GOAWAY" frame received|frameError" received - type 1,)/.test(String(message))
}

/** The other side, or something on the way, has closed the connection. */
function isClosed(error: unknown): boolean {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown }
  if (CLOSED.has(code)) return true
  return code === 'UND_ERR_SOCKET' && (message === 'other side closed' || message === 'closed')
}
