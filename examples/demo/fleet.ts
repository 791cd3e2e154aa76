import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { MemoryRegistry } from 'outrigger'
import { serveRegistry, type Mood } from './ipc.ts'

const SERVER = fileURLToPath(new URL('server.ts', import.meta.url))

/** The servers of the demo: real processes, each of which registers itself and sends heartbeats. */
export class Servers implements AsyncDisposable {
  readonly #children = new Map<string, ChildProcess>()
  readonly #registry: MemoryRegistry
  readonly #address: string | undefined

  constructor(registry: MemoryRegistry, address: string | undefined) {
    this.#registry = registry
    this.#address = address
  }

  start(id: string): void {
    const args = this.#address === undefined ? [id] : [id, this.#address]
    const child = fork(SERVER, args, { execArgv: process.execArgv })
    serveRegistry(child, this.#registry)
    this.#children.set(id, child)
  }

  kill(id: string): void {
    this.#children.get(id)?.kill('SIGKILL')
  }

  become(id: string, mood: Mood): void {
    this.#children.get(id)?.send({ mood })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const left = [...this.#children.values()].filter(
      (child) => child.exitCode === null && child.signalCode === null,
    )
    const gone = left.map((child) => once(child, 'exit'))
    for (const child of left) child.kill('SIGTERM')
    const force = setTimeout(() => left.forEach((child) => child.kill('SIGKILL')), 2_000)
    await Promise.all(gone)
    clearTimeout(force)
  }
}
