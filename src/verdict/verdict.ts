import type { Outcome, Whose } from '../observe/events.ts'

/**
 * What one attempt tells about its instance, and what may be done next. Breakers, balancers, outlier detection,
 * retries, hedges and events use it. None of them looks at the error itself.
 */
export interface Verdict {
  readonly whose: Whose
  /**
   * What the attempt counts as. `ignored` counts neither for nor against the instance. Only `snapshot()` counts it, and
   * strategies and early probes learn how long it took at least.
   */
  readonly outcome: Outcome
  /**
   * Whether the instance has processed the request. With `no`, a request of any method may be sent again if `again`
   * allows it.
   */
  readonly processed: 'yes' | 'maybe' | 'no'
  /** True if it happened below HTTP. Then it tells something about the instance, but nothing about the route. */
  readonly connection: boolean
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
  /** `free`: another try costs neither one of `retry.attempts` nor budget. `charged`: it costs both. */
  readonly again: 'free' | 'charged' | 'never'
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

/** One row for each ending. */
export const VERDICTS: Readonly<Record<Ending, Verdict>> = {
  // There was a response.
  good: row('instance', 'success', 'yes', 'http', 'never', 'never'),
  // `again.ts` retries only those with a status for which another instance may respond better.
  bad: row('instance', 'failure', 'yes', 'http', 'never', 'charged'),
  busy: row('instance', 'overload', 'yes', 'http', 'never', 'charged'),
  dismissed: row('caller', 'ignored', 'yes', 'http', 'never', 'never'),
  breach: row('instance', 'failure', 'yes', 'http', 'never', 'never'),
  truncated: row('instance', 'failure', 'yes', 'connection', 'always', 'never'),
  untakeable: row('client', 'ignored', 'yes', 'http', 'never', 'never'),
  // There was no response.
  notConnected: row('instance', 'failure', 'no', 'connection', 'always', 'free'),
  unreachable: row('instance', 'failure', 'no', 'connection', 'answering', 'free'),
  broken: row('instance', 'failure', 'maybe', 'connection', 'always', 'charged'),
  silent: row('instance', 'failure', 'maybe', 'http', 'answering', 'charged'),
  threw: row('instance', 'failure', 'maybe', 'http', 'never', 'charged'),
  deadConnection: row('path', 'ignored', 'maybe', 'connection', 'never', 'free'),
  unprocessed: row('path', 'ignored', 'no', 'connection', 'never', 'free'),
  queued: row('client', 'ignored', 'no', 'http', 'never', 'never'),
  lateTimer: row('client', 'ignored', 'maybe', 'http', 'never', 'never'),
  outOfResources: row('client', 'ignored', 'no', 'http', 'never', 'never'),
  nestedRefusal: row('client', 'ignored', 'maybe', 'http', 'never', 'never'),
  mistaken: row('caller', 'ignored', 'maybe', 'http', 'never', 'never'),
  // Also an attempt that this client cancels although nothing failed: a hedge that lost, `close()`, a try that had
  // little of its call's time.
  abandoned: row('caller', 'ignored', 'maybe', 'http', 'never', 'never'),
}

function row(
  whose: Whose,
  outcome: Outcome,
  processed: Verdict['processed'],
  level: 'http' | 'connection',
  together: Verdict['together'],
  again: Verdict['again'],
): Verdict {
  return Object.freeze({
    whose,
    outcome,
    processed,
    connection: level === 'connection',
    together,
    again,
  })
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
