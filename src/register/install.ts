import { App } from '../app/app.ts'
import { fetchOf } from '../app/create-fetch.ts'
import { composeGlobalDispatchers } from '../undici-guard.ts'
import type { Dispatcher } from '../undici.ts'
import { loadConfig } from './load.ts'

/** Puts the configured services below everything in this process: `fetch`, and what npm's undici sends by default. */
export async function install(folder: string, file: string): Promise<void> {
  const app = new App(await loadConfig(folder, file))
  globalThis.fetch = fetchOf(app)
  const belowUndici: Dispatcher.DispatcherComposeInterceptor = (dispatch) => {
    const outside = { dispatch }
    return (request, handler) => app.dispatcherOf(originOf(request), outside).dispatch(request, handler)
  }
  composeGlobalDispatchers(belowUndici)
}

function originOf({ origin }: Dispatcher.DispatchOptions): string {
  return origin instanceof URL ? origin.origin : String(origin).replace(/\/$/, '')
}
