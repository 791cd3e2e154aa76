import { checkMethods } from '../options.ts'
import { socketPath } from '../registry/origin.ts'
import type { Instance } from '../registry/source.ts'
import { Pool, type Dispatcher } from '../undici.ts'

/** Makes the dispatcher of an instance. Bad options throw here, not at the first call. */
export function connectWith(
  transport: Pool.Options | ((instance: Instance) => Dispatcher) = {},
): (instance: Instance) => Dispatcher {
  if (typeof transport === 'function') {
    return (instance) => {
      const dispatcher: unknown = transport(instance)
      checkMethods('what transport() returns', dispatcher, ['dispatch', 'close', 'destroy'])
      return dispatcher as Dispatcher
    }
  }
  const options = { ...transport }
  void new Pool('http://localhost', options)
  return ({ url }) => {
    const path = socketPath(url)
    return path === undefined
      ? new Pool(url, options)
      : new Pool('http://localhost', { ...options, socketPath: path })
  }
}
