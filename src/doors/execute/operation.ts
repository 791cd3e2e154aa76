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

/** What `client.execute()` gives its function beside the instance. */
export interface ExecuteContext {
  /** Aborts when this try is given up: by the caller, a deadline, or another try that was faster. */
  readonly signal: AbortSignal
  /** 1 for the first try. */
  readonly attempt: number
}

/** What `client.execute()` takes beside its function. */
export interface ExecuteOptions {
  /** Ends the call with its reason. */
  signal?: AbortSignal
  /** A route key whose policy applies, `'GET /users/{id}'`. */
  route?: string
  /** Whether the function may run again after it failed; `false`: it is never retried or hedged. @default the route's, or true */
  idempotent?: boolean
  /** Who is shed first when there is too little for everybody. @default the route's */
  priority?: Priority
  /** From `withDeadline()`: the time by which the caller's own caller wants its answer. */
  deadline?: number
}

export const EXECUTE_OPTIONS: readonly (keyof ExecuteOptions)[] = [
  'signal',
  'route',
  'idempotent',
  'priority',
  'deadline',
]

/** What is done with the chosen instance. */
export type ExecuteFunction<T> = (instance: Instance, context: ExecuteContext) => T | PromiseLike<T>

/** The generic door: balance, break and retry around any function. */
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
    this.replayable = this.idempotent
    this.#run = run
  }

  discard(): void {
    // A value that came too late holds nothing we know how to free.
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

/** One run of the caller's function. Nobody can tell what of it has reached the instance. */
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

  /** Most functions never look at it, and it is not cheap. */
  get signal(): AbortSignal {
    return (this.#controller ??= new AbortController()).signal
  }

  abort(reason: Error): void {
    this.#attempt.release()
    this.#end(reason)
  }

  /** The function may have been answered in time, and not have heard of it yet. */
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

/** What a Response, or anything else that says as HTTP does how it went, says; of any package, and in any case. */
function httpResultOf(value: unknown): Pick<AttemptResult, 'status' | 'headers'> {
  const { status, headers } = (value ?? {}) as { status?: unknown; headers?: unknown }
  if (typeof status !== 'number') return {}
  if (typeof headers !== 'object' || headers === null) return { status }
  const entries: Iterable<unknown> = Symbol.iterator in headers ? (headers as never) : Object.entries(headers)
  const texts: [string, string | string[]][] = []
  for (const entry of entries) {
    // The headers of a table, or of a HAR file, are none of HTTP's.
    if (!Array.isArray(entry) || typeof entry[0] !== 'string') return { status }
    const [name, text] = entry as [string, unknown]
    texts.push([name.toLowerCase(), Array.isArray(text) ? text.map(String) : String(text)])
  }
  return { status, headers: Object.fromEntries(texts) }
}
