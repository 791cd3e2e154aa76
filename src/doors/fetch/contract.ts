import type { CallInit, FetchInput } from '../../typed/call-input.ts'
import type { Attempt } from '../../fleet/attempt.ts'
import type { Core } from '../../call/core.ts'
import type { Contract } from '../../typed/contract.ts'
import { VERDICTS } from '../../verdict/verdict.ts'
import { copyPlain } from '../input/copy.ts'
import { discardBody } from '../input/discard-body.ts'
import type { Plans } from '../plan/plans.ts'
import { isRouteKey, methodOf } from '../plan/target.ts'
import { awaitUserCode, type UserCodeWait } from './await-user-code.ts'
import { signalOf } from './init.ts'

/** The attempt that has produced a response, for contracts that count a breach as a failure of the instance. */
export const attemptByResponse: WeakMap<Response, Attempt> = new WeakMap()

/** Returns the contract of a call by route key. A call by path or URL has none. */
export function contractOf(
  plans: Plans,
  input: FetchInput,
  init: CallInit | undefined,
): Contract | undefined {
  if (typeof input !== 'string' || !isRouteKey(input)) return undefined
  return plans.byKey(input, methodOf(init)).plan.contract
}

/**
 * Makes a call. Its request is checked before it is sent, and its response when it is read. While a schema checks the
 * request, the call ends if the caller aborts, his deadline passes, or the client closes.
 */
export async function callWithContract(
  core: Core,
  contract: Contract,
  init: CallInit | undefined,
  run: (init: CallInit, onAnswer: (response: Response) => void) => Promise<Response>,
): Promise<Response> {
  const { params, query, json, ...rest } = init ?? {}
  // A schema may be asynchronous, and the caller may change the objects meanwhile.
  const asked = contract.request(copyPlain({ params, query, json }))
  let checked: Pick<CallInit, 'params' | 'query' | 'json'>
  try {
    checked = (await awaitUserCode(waitFor(core, rest), asked)) as typeof checked
  } catch (error) {
    discardBody(rest.body, error)
    throw error
  }
  let answer: Response | undefined
  // The response of the service itself. The caller may get another one that was made from it.
  const response = await run({ ...rest, ...checked }, (first) => (answer = first))
  return contract.watch(response, () => answer && attemptByResponse.get(answer)?.amend(VERDICTS.breach))
}

function waitFor(core: Core, init: CallInit): UserCodeWait {
  // A deadline that is not a number is refused later, by name.
  const deadline = typeof init.deadline === 'number' ? init.deadline : Infinity
  return { core, signal: signalOf(init, undefined), deadline, total: Infinity, what: 'the request schemas' }
}
