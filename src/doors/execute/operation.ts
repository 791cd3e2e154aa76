import { settleAnswer } from '../../attempt/judge.ts'
import type { Operation, Receiver, SendContext, Sending } from '../../call/operation.ts'
import type { Plan } from '../../call/plan.ts'
import type { Clock } from '../../clock.ts'
import type { Attempt } from '../../fleet/attempt.ts'
import { checkPriority, type Priority } from '../../limit/priority.ts'
import { checkBoolean, checkSignal } from '../../options.ts'
import type { Instance } from '../../registry/source.ts'
import type { AttemptResult } from '../../verdict/classify.ts'
import { thrownVerdict } from '../../verdict/fault.ts'
import type { Verdict } from '../../verdict/verdict.ts'

/** What the function of `client.execute()` gets besides the instance. */
export interface ExecuteContext {
  /** Aborts when this try is cancelled: by the caller, by a timeout, or because another try was faster. */
  readonly signal: AbortSignal
  /** The number of the try, counted from 1. */
  readonly attempt: number
}

/** Options of `client.execute()`. */
export interface ExecuteOptions {
  /** Aborts the call, which rejects with the signal's reason. */
  signal?: AbortSignal
  /** The route key whose policy applies, such as `'GET /users/{id}'`. @default the client's policy */
  route?: string
  /**
   * Whether the function may run again after it has failed. With `false` it is never retried or hedged. @default the
   * route's, or true
   */
  idempotent?: boolean
  /** The importance of the call: if there are too many, less important ones are refused first. @default the route's */
  priority?: Priority
  /** Set by `withDeadline()`: the time by which the request that this call serves must be answered. */
  deadline?: number
}

export const EXECUTE_OPTIONS: readonly (keyof ExecuteOptions)[] = [
  'signal',
  'route',
  'idempotent',
  'priority',
  'deadline',
]

/** Is called with the chosen instance for each try. */
export type ExecuteFunction<T> = (instance: Instance, context: ExecuteContext) => T | PromiseLike<T>

/** The generic door: picks an instance for any function, with breakers and retries. */
export class ExecuteOperation<T> implements Operation<T> {
  readonly plan: Plan
  readonly runsCode = true
  readonly door = 'execute'
  readonly method = undefined
  readonly path = undefined
  readonly signal: AbortSignal | undefined
  readonly deadline: number | undefined
  readonly replayable: boolean
  readonly idempotent: boolean
  readonly priority: Priority
  readonly #run: ExecuteFunction<T>

  constructor(plan: Plan, run: ExecuteFunction<T>, options: ExecuteOptions) {
    const { deadline, idempotent = plan.idempotent ?? true, priority = plan.priority, signal } = options
    checkBoolean('idempotent', idempotent)
    this.plan = plan
    this.priority = checkPriority('priority', priority)
    this.signal = checkSignal(signal)
    this.deadline = deadline
    this.idempotent = idempotent
    // A function that must run once is never run again, not even if `retry.when` asks for it.
    this.replayable = this.idempotent
    this.#run = run
  }

  discard(): void {
    // This client does not know how to free a value that comes too late.
  }

  send(attempt: Attempt, { clock }: SendContext, receiver: Receiver<T>): Sending {
    const sending = new Execution(attempt, clock)
    const onAnswer = (answer: Answer<T>): void => {
      settleAnswer(attempt, answer, this.plan)
      attempt.release()
      receiver.resolved(answer.value)
    }
    const onError = (error: unknown): void => {
      attempt.error ??= error
      attempt.settle(thrownVerdict(error, this.plan.classify))
      attempt.release()
      receiver.rejected(error)
    }
    run(this.#run, attempt.instance, sending).then(onAnswer, onError)
    return sending
  }
}

/**
 * One run of the caller's function. It counts as sent, because this client cannot tell what has reached the instance.
 */
class Execution implements Sending, ExecuteContext {
  readonly sent = true
  readonly queuedUntil = 0
  readonly #attempt: Attempt
  readonly #clock: Clock
  #controller: AbortController | undefined

  constructor(attempt: Attempt, clock: Clock) {
    this.#attempt = attempt
    this.#clock = clock
  }

  get attempt(): number {
    return this.#attempt.number
  }

  /** Made when it is first read, because it is not cheap, and most functions never read it. */
  get signal(): AbortSignal {
    return (this.#controller ??= new AbortController()).signal
  }

  abort(reason: Error): void {
    this.#attempt.release()
    this.#end(reason)
  }

  /**
   * The function may have got its response in time, but not have continued yet. If the clock can wait for that, the
   * attempt is settled in a later callback.
   */
  abortAtLimit(reason: Error, verdict: Verdict): void {
    const settle = (): void => {
      this.#attempt.settle(verdict)
      this.#attempt.release()
    }
    if (this.#clock.poll) this.#clock.poll(settle)
    else settle()
    this.#end(reason)
  }

  #end(reason: Error): void {
    this.#controller ??= new AbortController()
    this.#controller.abort(reason)
  }
}

interface Answer<T> extends AttemptResult {
  readonly value: T
}

async function run<T>(
  fn: ExecuteFunction<T>,
  instance: Instance,
  context: ExecuteContext,
): Promise<Answer<T>> {
  const value = await fn(instance, context)
  return { value, ...httpResultOf(value) }
}

/**
 * Returns the status and headers of a value that looks like an HTTP response of any package. The case of header names
 * does not matter.
 */
function httpResultOf(value: unknown): Pick<AttemptResult, 'status' | 'headers'> {
  const { status, headers } = (value ?? {}) as { status?: unknown; headers?: unknown }
  if (typeof status !== 'number') return {}
  if (typeof headers !== 'object' || headers === null) return { status }
  const entries: Iterable<unknown> = Symbol.iterator in headers ? (headers as never) : Object.entries(headers)
  const texts: [string, string | string[]][] = []
  for (const entry of entries) {
    // These are not the headers of HTTP, but for example those of a table or a HAR file.
    if (!Array.isArray(entry) || typeof entry[0] !== 'string') return { status }
    const [name, text] = entry as [string, unknown]
    texts.push([name.toLowerCase(), Array.isArray(text) ? text.map(String) : String(text)])
  }
  return { status, headers: Object.fromEntries(texts) }
}
