import type { IncomingMessage, ServerResponse } from 'node:http'
import { serve, type FakeServer } from './fake-http.ts'

export interface ListServer extends AsyncDisposable {
  readonly url: string
  set(service: string, list: readonly unknown[]): void
  kill(): Promise<void>
  restart(data: boolean): Promise<void>
}

interface Entry {
  list: readonly unknown[]
  version: number
}

/** Lists of services as JSON: at `/poll/NAME` with an ETag, at `/long-poll/NAME` held back, at `/events/NAME` as events. */
export async function startListServer(): Promise<ListServer> {
  const entries = new Map<string, Entry>()
  const waiting = new Set<() => void>()
  const of = (service: string): Entry => entries.get(service) ?? { list: [], version: 0 }
  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    const [, mode, name = ''] = (request.url ?? '').split('/').map(decodeURIComponent)
    if (mode === 'events') return events(response, () => of(name), waiting)
    const answer = (): boolean => {
      const { list, version } = of(name)
      const etag = `"${version}"`
      if (request.headers['if-none-match'] === etag) return false
      response.setHeader('etag', etag).end(JSON.stringify(list))
      return true
    }
    if (answer()) return
    const seconds = /wait=(\d+)/.exec(String(request.headers['prefer']))?.[1]
    if (mode !== 'long-poll' || seconds === undefined) return void response.writeHead(304).end()
    const wake = (): void => {
      if (answer()) done()
    }
    const timer = setTimeout(
      () => {
        done()
        response.writeHead(304).end()
      },
      Number(seconds) * 1000,
    )
    const done = (): void => {
      clearTimeout(timer)
      waiting.delete(wake)
    }
    waiting.add(wake)
    response.on('close', done)
  }
  let server: FakeServer | undefined = await serve(handle)
  const { url } = server
  const kill = async (): Promise<void> => {
    await server?.[Symbol.asyncDispose]()
    server = undefined
  }
  return {
    url,
    set: (service, list) => {
      entries.set(service, { list, version: of(service).version + 1 })
      for (const wake of waiting) wake()
    },
    kill,
    restart: async (data) => {
      await kill()
      if (!data) entries.clear()
      server = await serve(handle, Number(new URL(url).port))
    },
    [Symbol.asyncDispose]: kill,
  }
}

function events(response: ServerResponse, entry: () => Entry, waiting: Set<() => void>): void {
  let told = -1
  const tell = (): void => {
    const { list, version } = entry()
    if (version !== told) response.write(`data: ${JSON.stringify(list)}\n\n`)
    told = version
  }
  response.setHeader('content-type', 'text/event-stream')
  tell()
  waiting.add(tell)
  const comments = setInterval(() => response.write(':\n'), 300)
  response.on('close', () => {
    clearInterval(comments)
    waiting.delete(tell)
  })
}
