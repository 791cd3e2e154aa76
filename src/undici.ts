import { restoreGlobalDispatcher } from './undici-guard.ts'
// oxlint-disable-next-line import/order -- the guard must be evaluated first
import { Agent, Client, Dispatcher, Dispatcher1Wrapper, Pool, buildConnector, errors, request } from 'undici'

restoreGlobalDispatcher()

export { Agent, Client, Dispatcher, Pool, buildConnector, errors, request }

const wrapper = Dispatcher1Wrapper as unknown as {
  wrapHandler(handler: Dispatcher.DispatchHandler): Dispatcher.DispatchHandler
}

/** Adapts a handler of undici 6 or 7 (built-in fetch on Node 22 and 24); in undici, but not in its types. */
export function wrapHandler(handler: Dispatcher.DispatchHandler): Dispatcher.DispatchHandler {
  return wrapper.wrapHandler(handler)
}
