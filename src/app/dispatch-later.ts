import type { FetchDispatcher } from '../attempt/platform.ts'
import { failHandler } from '../doors/dispatcher/fail-handler.ts'
import { wrapHandler } from '../undici.ts'

/** Dispatches once it is known where to. */
export function dispatchLater(to: Promise<FetchDispatcher>): FetchDispatcher {
  return {
    dispatch: (options, handler) => {
      to.then((dispatcher) => dispatcher.dispatch(options, handler)).catch((error: unknown) =>
        failHandler(wrapHandler(handler), error),
      )
      return true
    },
  }
}
