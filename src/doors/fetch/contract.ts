import type { CallInit, FetchInput } from '../../typed/call-input.ts'
import type { Attempt } from '../../fleet/attempt.ts'
import type { Contract } from '../../typed/contract.ts'
import { VERDICTS } from '../../verdict/verdict.ts'
import { copyPlain } from '../input/copy.ts'
import type { Plans } from '../plan/plans.ts'
import { isRouteKey, methodOf } from '../plan/target.ts'

/** Whose answer a response is, for contracts that hold a breach against the instance. */
export const attemptByResponse: WeakMap<Response, Attempt> = new WeakMap()

/** The contract of a call by route key: any other call is plain fetch. */
export function contractOf(
  plans: Plans,
  input: FetchInput,
  init: CallInit | undefined,
): Contract | undefined {
  if (typeof input !== 'string' || !isRouteKey(input)) return undefined
  return plans.byKey(input, methodOf(init)).plan.contract
}

/** Makes a call whose request is checked before anything else, and its answer when it is read. */
export async function callWithContract(
  contract: Contract,
  init: CallInit | undefined,
  run: (init: CallInit, onAnswer: (response: Response) => void) => Promise<Response>,
): Promise<Response> {
  const { params, query, json, ...rest } = init ?? {}
  // A schema may take its time, and the caller may change his objects meanwhile.
  const checked = (await contract.request(copyPlain({ params, query, json }))) as Pick<
    CallInit,
    'params' | 'query' | 'json'
  >
  let answer: Response | undefined
  // What the service itself said; what the caller gets may have been made from it.
  const response = await run({ ...rest, ...checked }, (first) => (answer = first))
  return contract.watch(response, () => answer && attemptByResponse.get(answer)?.amend(VERDICTS.breach))
}
