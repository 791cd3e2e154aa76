import type { ChildProcess } from 'node:child_process'
import type { Instance, InstanceInit, Lease, MemoryRegistry, Registrar } from 'outrigger'

/** How a server of the demo behaves. */
export type Mood = 'well' | 'slow' | 'failing'

type Request =
  | { op: 'register'; call: number; service: string; instance: InstanceInit }
  | { op: 'renew' | 'release'; call: number; service: string; id: string }

const TTL = 3_000

/** The embedded registry lives in the parent process. This is a registrar for the child processes. */
export function fromParent(): Registrar {
  const waiting = new Map<number, (result: unknown) => void>()
  let calls = 0
  process.on('message', (message: { call?: number; result?: unknown }) => {
    if (message.call !== undefined) waiting.get(message.call)?.(message.result)
  })
  const ask = (request: Omit<Request, 'call'>): Promise<unknown> =>
    new Promise((resolve) => {
      const call = ++calls
      waiting.set(call, (result) => {
        waiting.delete(call)
        resolve(result)
      })
      process.send?.({ ...request, call })
    })
  return {
    async register(service, instance): Promise<Lease> {
      const { id } = (await ask({ op: 'register', service, instance } as Request)) as Instance
      return {
        ttl: TTL,
        renew: async () => (await ask({ op: 'renew', service, id } as Request)) === true,
        release: async () => {
          await ask({ op: 'release', service, id } as Request)
        },
      }
    },
  }
}

/** The parent's side: answers the requests of one child from its registry. */
export function serveRegistry(child: ChildProcess, registry: MemoryRegistry): void {
  child.on('message', (message) => {
    const request = message as Request
    child.send({ call: request.call, result: answer(registry, request) }, () => {})
  })
}

function answer(registry: MemoryRegistry, request: Request): unknown {
  const { op, service } = request
  if (op === 'register') return registry.register(service, request.instance).instance
  return op === 'renew' ? registry.heartbeat(service, request.id) : registry.deregister(service, request.id)
}
