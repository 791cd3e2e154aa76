import { App } from '../app/app.ts'
import { fetchOf } from '../app/create-fetch.ts'
import type { ClientEvents } from '../observe/events.ts'
import { composeGlobalDispatchers } from '../undici-guard.ts'
import type { Dispatcher } from '../undici.ts'
import { loadConfig } from './load.ts'
import { followConfig } from './reload.ts'

/**
 * Puts the configured services below every request of this process: `fetch`, and requests through the default
 * dispatcher of npm's undici.
 */
export async function install(folder: string, file: string): Promise<void> {
  const config = await loadConfig(folder, file)
  const app = new App(config.options)
  const fetch = fetchOf(app)
  for (const [name, listener] of Object.entries(config.on)) {
    fetch.on(name as keyof ClientEvents, listener as (event: unknown) => unknown)
  }
  globalThis.fetch = fetch
  const belowUndici: Dispatcher.DispatcherComposeInterceptor = (dispatch) => {
    const outside = { dispatch }
    return (request, handler) => app.dispatcherOf(originOf(request), outside).dispatch(request, handler)
  }
  composeGlobalDispatchers(belowUndici)
  await config.observe?.(fetch)
  if (config.reload) void followConfig(app, folder, file, config)
}

function originOf({ origin }: Dispatcher.DispatchOptions): string {
  return origin instanceof URL ? origin.origin : String(origin).replace(/\/$/, '')
}
