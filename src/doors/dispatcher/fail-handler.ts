import { quote } from '../../options.ts'
import type { Dispatcher } from '../../undici.ts'
import { isA } from '../../hooks/thrown.ts'

/** Reports the failure of a request that has no controller yet, as undici does. */
export function failHandler(handler: Dispatcher.DispatchHandler, error: unknown): void {
  const controller = null as unknown as Dispatcher.DispatchController
  handler.onResponseError?.(controller, isA(error, Error) ? error : new Error(quote(error)))
}
