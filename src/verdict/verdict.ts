import type { Outcome, Whose } from '../observe/events.ts'

/**
 * What one attempt tells about its instance, and what may be done next. Breakers, balancers, outlier detection,
 * retries, hedges and events use it. None of them looks at the error itself. Some also look at the status: `whyNotAgain`
 * at a 5xx, endpoint and balancers at a 429, which may concern only one client, and balancers at a 4xx, because its speed
 * tells nothing.
 */
export interface Verdict {
  /** `instance` for every outcome except `ignored`, and never `instance` for `ignored`. */
  readonly whose: Whose
  /**
   * What the attempt counts as. `ignored` counts neither for nor against the instance. Only `snapshot()` counts it, and
   * strategies and early probes learn how long it took at least. If there was a response, its caller accepts it:
   * `isGoodForCaller`.
   */
  readonly outcome: Outcome
  /**
   * Whether the instance has processed the request. With `no`, a request of any method may be sent again if `again`
   * allows it.
   */
  readonly processed: 'yes' | 'maybe' | 'no'
  /**
   * `free`: another try costs neither one of `retry.attempts` nor budget. `charged`: it costs both. An `ignored` one is
   * never `charged`: `decideRetry` counts on it.
   */
  readonly again: 'free' | 'charged' | 'never'
  /** `connection`: it happened below HTTP. Then it tells something about the instance, but nothing about the route. */
  readonly about: 'http' | 'connection'
  /**
   * Whether attempts that were in flight together and ended like this at the same time count as one strike for breaker
   * and strategy.
   * - `always`: one connection or one process broke under all of them.
   * - `answering`: only if the instance has answered another attempt since they began. If not, each of them shows that
   * the instance hangs.
   * - `never`: each one counts.
   */
  readonly together: 'always' | 'answering' | 'never'
  /**
   * How long the user function `classify` wants the instance avoided, in milliseconds. Undefined means as long as the
   * server asked.
   */
  readonly pause?: number
}

/** How an attempt can end. The table in docs/verdict.md has a row for each name. */
export type Ending =
  | 'good'
  | 'bad'
  | 'busy'
  | 'dismissed'
  | 'breach'
  | 'truncated'
  | 'untakeable'
  | 'notConnected'
  | 'unreachable'
  | 'broken'
  | 'silent'
  | 'threw'
  | 'deadConnection'
  | 'unprocessed'
  | 'queued'
  | 'lateTimer'
  | 'outOfResources'
  | 'nestedRefusal'
  | 'mistaken'
  | 'abandoned'

/** One row for each ending. The columns have the order of the table in docs/verdict.md. */
export const VERDICTS: Readonly<Record<Ending, Verdict>> = {
  // There was a response.
  good: row('instance', 'success', 'yes', 'never', 'http', 'never'),
  // Of those with a status of 500 or above, only 502, 503 and 504 are retried: see `whyNotAgain`.
  bad: row('instance', 'failure', 'yes', 'charged', 'http', 'never'),
  busy: row('instance', 'overload', 'yes', 'charged', 'http', 'never'),
  dismissed: row('caller', 'ignored', 'yes', 'never', 'http', 'never'),
  breach: row('instance', 'failure', 'yes', 'never', 'http', 'never'),
  truncated: row('instance', 'failure', 'yes', 'never', 'connection', 'always'),
  untakeable: row('client', 'ignored', 'yes', 'never', 'http', 'never'),
  // There was no response.
  notConnected: row('instance', 'failure', 'no', 'free', 'connection', 'always'),
  unreachable: row('instance', 'failure', 'no', 'free', 'connection', 'answering'),
  broken: row('instance', 'failure', 'maybe', 'charged', 'connection', 'always'),
  silent: row('instance', 'failure', 'maybe', 'charged', 'http', 'answering'),
  threw: row('instance', 'failure', 'maybe', 'charged', 'http', 'never'),
  deadConnection: row('path', 'ignored', 'maybe', 'free', 'connection', 'never'),
  unprocessed: row('path', 'ignored', 'no', 'free', 'connection', 'never'),
  queued: row('client', 'ignored', 'no', 'never', 'http', 'never'),
  lateTimer: row('client', 'ignored', 'maybe', 'never', 'http', 'never'),
  outOfResources: row('client', 'ignored', 'no', 'never', 'http', 'never'),
  nestedRefusal: row('client', 'ignored', 'maybe', 'never', 'http', 'never'),
  mistaken: row('caller', 'ignored', 'maybe', 'never', 'http', 'never'),
  // Also an attempt that this client cancels although nothing failed: a hedge that lost, `close()`, a try that had
  // little of its call's time. Without a status, the event `attempt` says `cancelled` for it.
  abandoned: row('caller', 'ignored', 'maybe', 'never', 'http', 'never'),
}

function row(
  whose: Whose,
  outcome: Outcome,
  processed: Verdict['processed'],
  again: Verdict['again'],
  about: Verdict['about'],
  together: Verdict['together'],
): Verdict {
  return Object.freeze({ whose, outcome, processed, again, about, together })
}

/**
 * True if the caller accepts a response with this outcome. `ignored` says nothing for the instance, but nothing against
 * the response either. Only this function decides whether a call with a response was a success.
 */
export function isGoodForCaller(outcome: Outcome | undefined): boolean {
  return outcome === 'success' || outcome === 'ignored'
}

/** Returns the verdict for the request that followed a redirect. An instance has processed the first request. */
export function afterRedirect(verdict: Verdict): Verdict {
  if (verdict.processed !== 'no' && verdict.again !== 'free') return verdict
  return { ...verdict, processed: 'maybe', again: verdict.outcome === 'ignored' ? 'never' : 'charged' }
}

/** Returns the verdict with the outcome that the user function `classify` returned. */
export function overruled(verdict: Verdict, outcome: Outcome | undefined): Verdict {
  if (outcome === undefined || outcome === verdict.outcome) return verdict
  if (outcome === 'ignored') return { ...verdict, whose: excused(verdict.whose), outcome, again: 'never' }
  const again = outcome === 'success' ? 'never' : verdict.again === 'never' ? 'charged' : verdict.again
  return { ...verdict, whose: 'instance', outcome, again }
}

/** The user function says that the instance is not responsible. */
function excused(whose: Whose): Whose {
  return whose === 'instance' ? 'caller' : whose
}
