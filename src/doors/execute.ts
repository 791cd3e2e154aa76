import { classify } from '../attempt/classify.ts'
import type { Operation, Sending } from '../call/operation.ts'
import type { Plan } from '../call/plan.ts'
import type { Attempt } from '../fleet/attempt.ts'
import type { Instance } from '../registry/source.ts'

export interface ExecuteContext {
  /** Aborts when this try is given up: by the caller, a deadline, or another try that was faster. */
  readonly signal: AbortSignal
  /** 1 for the first try. */
  readonly attempt: number
}

export interface ExecuteOptions {
  signal?: AbortSignal
  /** A route key whose policy applies, `'GET /users/{id}'`. */
  route?: string
  /** Whether the function may run again after it failed. @default true */
  idempotent?: boolean
  /** From `withDeadline()`: the time by which the caller's own caller wants its answer. */
  deadline?: number
}

/** What is done with the chosen instance. */
export type ExecuteFunction<T> = (instance: Instance, context: ExecuteContext) => T | PromiseLike<T>

/** The generic door: balance, break and retry around any function. */
export class ExecuteOperation<T> implements Operation<T> {
  readonly plan: Plan
  readonly method = undefined
  readonly path = undefined
  readonly signal: AbortSignal | undefined
  readonly deadline: number | undefined
  readonly replayable: boolean
  readonly idempotent: boolean
  readonly #run: ExecuteFunction<T>

  constructor(plan: Plan, run: ExecuteFunction<T>, options: ExecuteOptions) {
    this.plan = plan
    this.signal = options.signal
    this.deadline = options.deadline
    this.idempotent = options.idempotent ?? plan.idempotent ?? true
    this.replayable = this.idempotent
    this.#run = run
  }

  retryable(): boolean {
    return true
  }

  discard(): void {
    // A value that came too late holds nothing we know how to free.
  }

  send(attempt: Attempt): Sending<T> {
    let controller: AbortController | undefined
    const context: ExecuteContext = {
      get signal() {
        return (controller ??= new AbortController()).signal
      },
      attempt: attempt.number,
    }
    return {
      result: this.#settle(attempt, context),
      sent: true,
      abort: (reason) => {
        attempt.release()
        ;(controller ??= new AbortController()).abort(reason)
      },
    }
  }

  async #settle(attempt: Attempt, context: ExecuteContext): Promise<T> {
    try {
      const value = await this.#run(attempt.instance, context)
      attempt.status = statusOf(value)
      attempt.settle(classify({ value, status: attempt.status }, this.plan.classify))
      return value
    } catch (error) {
      attempt.error ??= error
      attempt.settle(classify({ error }, this.plan.classify))
      throw error
    } finally {
      attempt.release()
    }
  }
}

/** A Response, or anything else that says how HTTP judges it. */
function statusOf(value: unknown): number | undefined {
  const status = typeof value === 'object' && value !== null && 'status' in value ? value.status : undefined
  return typeof status === 'number' ? status : undefined
}
