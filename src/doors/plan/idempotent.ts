import type { Plan } from '../../call/plan.ts'
import { isIdempotent } from '../../verdict/again.ts'

/** A call through fetch or `request()`. */
interface HttpCall {
  readonly plan: Plan
  readonly method: string
  /** Reads a header that the caller has given with the call. */
  header(name: string): string | undefined
}

/**
 * Whether the request of a call may be processed twice. The option `idempotent` of its route decides, true or false. Without
 * it, the method decides, or the header `Idempotency-Key` of the call. A key from the option `headers` does not count: it is
 * the same for all calls, or a new one for each try.
 */
export function isIdempotentCall(call: HttpCall): boolean {
  return call.plan.idempotent ?? isIdempotent(call.method, call.header('idempotency-key') !== undefined)
}
