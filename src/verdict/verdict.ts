import type { Outcome, Whose } from '../observe/events.ts'

/**
 * What one attempt says about its instance, and what may be done next. Breakers, balancers, outlier detection, retries,
 * hedges and events read it; none of them looks at the error itself.
 */
export interface Verdict {
  readonly whose: Whose
  /**
   * What the attempt counts as. `ignored` counts neither for nor against the instance: only `snapshot()` counts it, and strategies and
   * early probes hear how long it took at least.
   */
  readonly outcome: Outcome
  /** Whether the instance has worked on the request. `no`: its method does not keep it from being sent again, where `again` allows it. */
  readonly processed: 'yes' | 'maybe' | 'no'
  /** It happened below HTTP: it says something about the instance, and nothing about the route. */
  readonly connection: boolean
  /**
   * Whether attempts that were under way together and ended like this at the same time are one strike for breaker and strategy.
   * `always`: one connection, or one process, broke under all of them. `answering`: only if the instance has answered another
   * attempt since they began; if it has not, each of them shows by itself that it hangs. `never`: each counts.
   */
  readonly together: 'always' | 'answering' | 'never'
  /** Milliseconds in which the user's own `classify` wants the instance avoided; undefined: as the server asked. */
  readonly pause?: number
  /** `free`: another try costs neither an attempt nor budget. `charged`: it costs both. */
  readonly again: 'free' | 'charged' | 'never'
}

/** How an attempt can end. The table in docs/verdict.md has a row for each, with its name. */
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
  // An answer came.
  good: row('instance', 'success', 'yes', 'http', 'never', 'never'),
  // Of these, `again.ts` sends only for the statuses that another instance may improve on.
  bad: row('instance', 'failure', 'yes', 'http', 'never', 'charged'),
  busy: row('instance', 'overload', 'yes', 'http', 'never', 'charged'),
  dismissed: row('caller', 'ignored', 'yes', 'http', 'never', 'never'),
  breach: row('instance', 'failure', 'yes', 'http', 'never', 'never'),
  truncated: row('instance', 'failure', 'yes', 'connection', 'always', 'never'),
  untakeable: row('client', 'ignored', 'yes', 'http', 'never', 'never'),
  // No answer came.
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
  // Also what this client gives up without a fault: a hedge that lost, `close()`, a try that had little of the time of its call.
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

const BY_OUTCOME: Record<Outcome, Verdict> = {
  success: VERDICTS.good,
  failure: VERDICTS.bad,
  overload: VERDICTS.busy,
  ignored: VERDICTS.dismissed,
}

/**
 * Whether the caller is content with an answer that counts as this: it says nothing against it, though `ignored` says nothing for the
 * instance either. The one place that decides whether a call with an answer was a success.
 */
export function isGoodForCaller(outcome: Outcome | undefined): boolean {
  return outcome === 'success' || outcome === 'ignored'
}

/** The verdict on an answer that counts as `outcome`. */
export function verdictOnAnswer(outcome: Outcome): Verdict {
  return BY_OUTCOME[outcome]
}

/** The same verdict on the request that a redirect led to: the first one was worked on. */
export function afterRedirect(verdict: Verdict): Verdict {
  if (verdict.processed !== 'no' && verdict.again !== 'free') return verdict
  return { ...verdict, processed: 'maybe', again: verdict.outcome === 'ignored' ? 'never' : 'charged' }
}

/** The same verdict, where the user's own `classify` said what it counts as. */
export function overruled(verdict: Verdict, outcome: Outcome | undefined): Verdict {
  if (outcome === undefined || outcome === verdict.outcome) return verdict
  if (outcome === 'ignored') return { ...verdict, whose: excused(verdict.whose), outcome, again: 'never' }
  const again = outcome === 'success' ? 'never' : verdict.again === 'never' ? 'charged' : verdict.again
  return { ...verdict, whose: 'instance', outcome, again }
}

/** The user says that it was not the instance. */
function excused(whose: Whose): Whose {
  return whose === 'instance' ? 'caller' : whose
}
