import { restoreGlobalDispatcher } from './undici-guard.ts'
// oxlint-disable-next-line import/order -- the guard must be evaluated first
import { Agent, Client, Dispatcher, Dispatcher1Wrapper, Pool, buildConnector, errors, request } from 'undici'

restoreGlobalDispatcher()

export { Agent, Client, Dispatcher, Pool, buildConnector, errors, request }

const wrapper = Dispatcher1Wrapper as unknown as {
  wrapHandler(handler: Dispatcher.DispatchHandler): Dispatcher.DispatchHandler
}

/**
 * Adapts a handler for undici 6 or 7, which the built-in fetch of Node.js 22 and 24 uses. undici has this
 * function, but its types omit it.
 */
export function wrapHandler(handler: Dispatcher.DispatchHandler): Dispatcher.DispatchHandler {
  return wrapper.wrapHandler(handler)
}
