import { createFetch, deny, type FetchOptions } from '../client/create-fetch.ts'
import { outrigger } from '../doors/interceptor.ts'
import { composeGlobalDispatchers } from '../undici-guard.ts'
import type { Dispatcher } from '../undici.ts'

/** Puts the services below everything in this process: `fetch`, and what npm's undici sends by default. */
export function installConfig(options: Required<FetchOptions>): void {
  globalThis.fetch = createFetch(options)
  const rest: Dispatcher.DispatcherComposeInterceptor = (dispatch) => (request, handler) =>
    options.otherwise === 'deny' ? deny(String(request.origin)) : dispatch(request, handler)
  composeGlobalDispatchers(rest, outrigger(options.services))
}
