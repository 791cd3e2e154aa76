import { setTimeout as sleep } from 'node:timers/promises'
import type { Instance, Registrar, Source } from '../../src/registry/source.ts'

/** `GET {base}/user-service` answers `[{ "id": "a", "url": "http://10.0.0.7:8080" }, …]`. */
export function mySource(base: string, interval = 1000, timeout = 5000): Source {
  return {
    async *watch(service, { signal }) {
      while (!signal.aborted) {
        const bound = AbortSignal.any([signal, AbortSignal.timeout(timeout)])
        const response = await fetch(`${base}/${encodeURIComponent(service)}`, { signal: bound })
        if (response.ok) yield (await response.json()) as Instance[]
        else throw new Error(`the registry answered ${response.status}`)
        await sleep(interval, undefined, { signal, ref: false })
      }
    },
  }
}

/** `PUT`, `POST` and `DELETE {base}/user-service/a` register, renew and release. */
export function myRegistrar(base: string, ttl = 10_000): Registrar {
  return {
    async register(service, instance, context) {
      const path = [service, instance.id ?? instance.url].map(encodeURIComponent).join('/')
      const send = async (method: string, signal: AbortSignal): Promise<boolean> => {
        const body = method === 'PUT' ? JSON.stringify({ ...instance, ttl }) : null
        const response = await fetch(`${base}/${path}`, { method, body, signal })
        if (!response.ok && response.status !== 404) throw new Error(`${method}: ${response.status}`)
        return response.ok
      }
      if (!(await send('PUT', context.signal))) throw new Error('the registry does not take registrations')
      return {
        ttl,
        renew: ({ signal }) => send('POST', signal),
        release: async ({ signal }) => void (await send('DELETE', signal)),
      }
    },
  }
}
