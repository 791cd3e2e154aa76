import { Child } from '../harness/child.ts'
import { Directory } from './directory.ts'
import { CONTENDERS, type Behaviour, type Order, type Settings } from './behaviour.ts'

/** An instance of the row, for all contenders. */
export class Server implements AsyncDisposable {
  readonly #child: Child
  #origins: readonly string[] = []

  constructor(index: number, h2: boolean, initial: Partial<Behaviour>) {
    const host = h2 ? '127.0.0.1' : `127.0.0.${index + 1}`
    const settings: Settings = { host, lanes: CONTENDERS.length, h2, seed: index + 1, initial }
    this.#child = new Child(new URL('server.ts', import.meta.url), [JSON.stringify(settings)])
  }

  async start(): Promise<this> {
    this.#origins = (await this.#child.message()) as readonly string[]
    return this
  }

  origin(lane: number): string {
    return this.#origins[lane]!
  }

  set(behaviour: Partial<Behaviour>): void {
    this.order({ do: 'set', behaviour })
  }

  order(order: Order): void {
    this.#child.send(order)
  }

  /** Stops the process. Its sockets stay open. */
  freeze(): void {
    process.kill(this.#child.pid!, 'SIGSTOP')
  }

  thaw(): void {
    process.kill(this.#child.pid!, 'SIGCONT')
  }

  async counts(): Promise<readonly number[]> {
    this.order({ do: 'count' })
    return (await this.#child.message()) as readonly number[]
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child[Symbol.asyncDispose]()
  }
}

/** What the steps of an incident can use. */
export class World {
  readonly servers: readonly Server[]
  readonly directories: readonly Directory[]

  constructor(servers: readonly Server[]) {
    this.servers = servers
    this.directories = CONTENDERS.map((_, lane) => new Directory(this.#instances(lane, servers, '1')))
  }

  /** From now on the registry lists exactly these servers. */
  list(servers: readonly Server[], version = '1'): void {
    for (const [lane, directory] of this.directories.entries()) {
      directory.list(this.#instances(lane, servers, version))
    }
  }

  registry(state: 'up' | 'down'): void {
    for (const directory of this.directories) directory.fail(state === 'down')
  }

  /** Blocks the client's process for so many milliseconds. */
  stall(ms: number): void {
    const end = performance.now() + ms
    while (performance.now() < end);
  }

  #instances(
    lane: number,
    servers: readonly Server[],
    version: string,
  ): { id: string; url: string; metadata: Record<string, string> }[] {
    return servers.map((server) => ({
      id: `server-${this.servers.indexOf(server)}`,
      url: server.origin(lane),
      metadata: { version },
    }))
  }
}
