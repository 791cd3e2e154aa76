import type { CallInit, FetchInput } from '../../typed/call-input.ts'
import type { Attempt } from '../../fleet/attempt.ts'
import type { Contract } from '../../typed/contract.ts'
import { VERDICTS } from '../../verdict/verdict.ts'
import { copyPlain } from '../input/copy.ts'
import type { Plans } from '../plan/plans.ts'
import { isRouteKey, methodOf } from '../plan/target.ts'

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

/** Makes a call. Its request is checked before it is sent, and its response when it is read. */
export async function callWithContract(
  contract: Contract,
  init: CallInit | undefined,
  run: (init: CallInit, onAnswer: (response: Response) => void) => Promise<Response>,
): Promise<Response> {
  const { params, query, json, ...rest } = init ?? {}
  // A schema may be asynchronous, and the caller may change the objects meanwhile.
  const checked = (await contract.request(copyPlain({ params, query, json }))) as Pick<
    CallInit,
    'params' | 'query' | 'json'
  >
  let answer: Response | undefined
  // The response of the service itself. The caller may get another one that was made from it.
  const response = await run({ ...rest, ...checked }, (first) => (answer = first))
  return contract.watch(response, () => answer && attemptByResponse.get(answer)?.amend(VERDICTS.breach))
}
