import { quote } from '../options.ts'
import { toInstance, withoutSecrets } from './instance.ts'
import type { Instance, InstanceInit, SignalContext, Source } from './source.ts'

/**
 * A source with a constant list. A string is an instance's url.
 *
 * @example
 * createClient({ service: 'user-service', source: fixed(['http://10.0.0.7:8080', 'http://10.0.0.8:8080']) })
 */
export function fixed(list: readonly (string | InstanceInit)[]): Source {
  if (!Array.isArray(list)) throw new TypeError(`fixed() needs an array, got ${quote(withoutSecrets(list))}`)
  const byId = new Map<string, Instance>()
  for (const [index, entry] of (list as readonly unknown[]).entries()) {
    try {
      const instance = toInstance(typeof entry === 'string' ? { url: entry } : entry)
      if (byId.has(instance.id)) throw new TypeError(`duplicate id ${quote(instance.id)}`)
      byId.set(instance.id, instance)
    } catch (error) {
      const shown = quote(withoutSecrets(entry))
      throw new TypeError(`fixed(): entry ${index}, ${shown}: ${(error as Error).message}`, { cause: error })
    }
  }
  const instances = Object.freeze([...byId.values()])
  return {
    emptyGrace: 0,
    isOwn: true,
    watch: (_service, { signal }) => once(instances, signal),
  }
}

async function* once(
  instances: readonly Instance[],
  signal: SignalContext['signal'],
): AsyncGenerator<readonly Instance[], void> {
  if (signal.aborted) return
  yield instances
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
