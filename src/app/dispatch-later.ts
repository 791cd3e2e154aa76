import type { FetchDispatcher } from '../attempt/platform.ts'
import { failHandler } from '../doors/dispatcher/fail-handler.ts'
import { wrapHandler } from '../undici.ts'

/** A dispatcher that waits for another dispatcher, then uses it. */
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
