import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Instance } from '../../src/registry/source.ts'
import { systemClock } from '../../src/clock.ts'

interface Row {
  readonly instance: Instance
  readonly ttl: number
  expires: number
}

/** The registry that my-registry.ts uses. It can fail like a process. */
export class ToyRegistry {
  #server: Server = createServer()
  #port = 0
  #frozen = false
  /** Requests that arrived while it was frozen. A real process reads them from its sockets when it continues. */
  #held: (() => void)[] = []
  #services = new Map<string, Map<string, Row>>()

  get url(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  async start(): Promise<void> {
    this.#server = createServer((req, res) => {
      const answer = (): void => void this.#answer(req, res)
      if (this.#frozen) this.#held.push(answer)
      else answer()
    })
    this.#server.listen(this.#port, '127.0.0.1')
    await once(this.#server, 'listening')
    this.#port = (this.#server.address() as AddressInfo).port
  }

  async kill(): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#server.closeAllConnections()
    await closed
  }

  async restart({ data }: { data: boolean }): Promise<void> {
    if (!data) this.#services.clear()
    await this.start()
  }

  async freeze(): Promise<void> {
    this.#frozen = true
  }

  async thaw(): Promise<void> {
    this.#frozen = false
    for (const answer of this.#held.splice(0)) answer()
  }

  async set(service: string, instances: readonly Instance[]): Promise<void> {
    const rows = instances.map((instance) => [instance.id, { instance, ttl: 0, expires: Infinity }] as const)
    this.#services.set(service, new Map(rows))
  }

  async forget(service: string, id: string): Promise<void> {
    this.#services.get(service)?.delete(id)
  }

  async list(service: string): Promise<Instance[]> {
    const rows = [...(this.#services.get(service)?.values() ?? [])]
    return rows.filter(({ expires }) => expires >= systemClock.now()).map(({ instance }) => instance)
  }

  async #answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const [, service = '', id = ''] = (req.url ?? '').split('/').map(decodeURIComponent)
    const rows = this.#services.get(service) ?? new Map<string, Row>()
    this.#services.set(service, rows)
    if (req.method === 'GET') return void res.end(JSON.stringify(await this.list(service)))
    const row = rows.get(id)
    if (req.method === 'PUT') {
      const { ttl, ...instance } = JSON.parse((await req.toArray()).join('')) as Instance & { ttl: number }
      rows.set(id, { instance, ttl, expires: systemClock.now() + ttl })
    } else if (!row || row.expires < systemClock.now()) {
      res.statusCode = 404
    } else if (req.method === 'POST') {
      row.expires = systemClock.now() + row.ttl
    } else {
      rows.delete(id)
    }
    res.end()
  }
}
