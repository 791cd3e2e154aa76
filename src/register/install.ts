import { denied } from '../app/app.ts'
import { createFetch } from '../app/create-fetch.ts'
import { outrigger } from '../doors/dispatcher/interceptor.ts'
import { composeGlobalDispatchers } from '../undici-guard.ts'
import type { Dispatcher } from '../undici.ts'
import { loadConfig } from './load.ts'

/** Puts the configured services below everything in this process: `fetch`, and what npm's undici sends by default. */
export async function install(folder: string, file: string): Promise<void> {
  const options = await loadConfig(folder, file)
  const app = createFetch(options)
  globalThis.fetch = app
  const isClosed = options.unknown === 'deny' || options.otherwise === 'deny'
  const others: Dispatcher.DispatcherComposeInterceptor = (dispatch) => (request, handler) => {
    if (isClosed) throw denied(String(request.origin))
    return dispatch(request, handler)
  }
  composeGlobalDispatchers(others, outrigger(app.services))
}
