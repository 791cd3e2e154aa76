import { Call } from './call.ts'
import type { Core } from './core.ts'
import type { Operation } from './operation.ts'
import { retryLoop } from './retry-loop.ts'
import { round } from './round.ts'

/** Runs an operation: one or more attempts under one deadline. A reader of the call plane starts here. */
export function execute<T>(core: Core, operation: Operation<T>): Promise<T> {
  const call = new Call(core, operation)
  return call.run(() => attempts(call))
}

async function attempts<T>(call: Call<T>): Promise<T> {
  const { discovery, budget } = call.core
  if (!discovery.seen) await call.firstSnapshot()
  budget.deposit()
  const attempt = call.acquire()
  if (!attempt) throw call.refusal()
  const tried = await retryLoop(call, await round(call, attempt))
  if (tried.ok) return tried.value
  throw tried.error
}
