import { createFetch, deny } from '../client/create-fetch.ts'
import { outrigger } from '../doors/dispatcher/interceptor.ts'
import { composeGlobalDispatchers } from '../undici-guard.ts'
import type { Dispatcher } from '../undici.ts'
import { loadConfig } from './load.ts'

/** Puts the configured services below everything in this process: `fetch`, and what npm's undici sends by default. */
export async function install(folder: string, file: string): Promise<void> {
  const options = await loadConfig(folder, file)
  globalThis.fetch = createFetch(options)
  const others: Dispatcher.DispatcherComposeInterceptor = (dispatch) => (request, handler) =>
    options.otherwise === 'deny' ? deny(String(request.origin)) : dispatch(request, handler)
  composeGlobalDispatchers(others, outrigger(options.services))
}
