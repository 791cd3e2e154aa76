import { restoreGlobalDispatcher } from './undici-guard.ts'
// oxlint-disable-next-line import/order -- the guard must be evaluated first
import undici, { Agent, Client, Dispatcher, Pool, buildConnector, errors } from 'undici'

restoreGlobalDispatcher()

export { Agent, Client, Dispatcher, Pool, buildConnector, errors }

// Not a named import: Bun's stand-in for undici lacks it, and would end with an error of linking instead of the guard's.
const { Dispatcher1Wrapper: wrapper } = undici as unknown as {
  Dispatcher1Wrapper: { wrapHandler(handler: Dispatcher.DispatchHandler): Dispatcher.DispatchHandler }
}

/**
 * Adapts a handler for undici 6 or 7, which the built-in fetch of Node.js 22 and 24 uses. undici has this
 * function, but its types omit it.
 */
export function wrapHandler(handler: Dispatcher.DispatchHandler): Dispatcher.DispatchHandler {
  return wrapper.wrapHandler(handler)
}
