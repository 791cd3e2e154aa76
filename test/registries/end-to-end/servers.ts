import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { serveRegistry } from '../../../examples/demo/ipc.ts'
import type { MemoryRegistry } from '../../../src/registry/memory.ts'
import type { RegistrarAddress } from './world.ts'

const PROGRAM = fileURLToPath(new URL('server.ts', import.meta.url))

/** A server in a process of its own. */
export interface Server {
  readonly id: string
  readonly url: string
  /** When it had started to listen, on the test's monotonic clock; ms. */
  readonly listeningAt: number
  /** SIGTERM; resolves with the exit code once it is gone. */
  leave(): Promise<number | null>
  /** SIGKILL. */
  kill(): void
}

export class Servers implements Disposable {
  readonly #children: ChildProcess[] = []
  readonly #registry: MemoryRegistry
  readonly #registrar: RegistrarAddress | undefined

  constructor(registry: MemoryRegistry, registrar: RegistrarAddress | undefined) {
    this.#registry = registry
    this.#registrar = registrar
  }

  async start(id: string): Promise<Server> {
    const args = this.#registrar ? [id, JSON.stringify(this.#registrar)] : [id]
    // Without the test runner's own flags.
    const child = fork(PROGRAM, args, { execArgv: ['--disable-warning=ExperimentalWarning'] })
    this.#children.push(child)
    const { url } = await new Promise<{ url: string }>((resolve, reject) => {
      child.once('message', (message) => resolve(message as { url: string }))
      child.once('exit', (code) => reject(new Error(`${id} ended with ${code} before it listened`)))
    })
    const listeningAt = performance.now()
    serveRegistry(child, this.#registry)
    return {
      id,
      url,
      listeningAt,
      leave: async () => {
        child.kill('SIGTERM')
        const [code] = (await once(child, 'exit')) as [number | null]
        return code
      },
      kill: () => void child.kill('SIGKILL'),
    }
  }

  [Symbol.dispose](): void {
    for (const child of this.#children) child.kill('SIGKILL')
  }
}
