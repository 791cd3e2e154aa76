import { once } from 'node:events'
import { createServer, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { dashboard } from '../../src/dashboard.ts'
import { createClient, fixed } from '../../src/index.ts'
import { openStream } from './pages.ts'

const stack: (() => unknown)[] = []
afterEach(async () => {
  for (const close of stack.splice(0).toReversed()) await close()
})

async function listening(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  stack.push(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/**
 * A proxy like nginx: it strips a prefix, and buffers answers until they are complete, unless a header forbids
 * it.
 */
function proxyOf(target: string): Server {
  return createServer((incoming, outgoing) => {
    const { pathname, search } = new URL(incoming.url ?? '/', 'http://proxy')
    const upstream = request(
      `${target}${pathname.replace(/^\/prefix/, '')}${search}`,
      { method: incoming.method, headers: incoming.headers, agent: false },
      (answer) => {
        const pieces: Buffer[] = []
        const mayBuffer = answer.headers['x-accel-buffering'] !== 'no'
        if (!mayBuffer) outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.on('data', (piece: Buffer) => (mayBuffer ? pieces.push(piece) : outgoing.write(piece)))
        answer.on('end', () => {
          if (mayBuffer) outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
          outgoing.end(Buffer.concat(pieces))
        })
        answer.on('error', () => outgoing.destroy())
        outgoing.on('close', () => upstream.destroy())
      },
    )
    upstream.on('error', () => outgoing.destroy())
    incoming.pipe(upstream)
  })
}

it('Behind a proxy that buffers and adds a prefix, the page is complete and frames arrive one by one', async () => {
  await using client = createClient({ service: 'svc', source: fixed(['http://127.0.0.1:1']) })
  const handler = dashboard(client, { path: '/ops' })
  stack.push(handler.close)
  const url = await listening(proxyOf(await listening(createServer(handler))))

  const page = await fetch(`${url}/prefix/ops`)
  expect([page.status, page.url]).toEqual([200, `${url}/prefix/ops/`])
  const html = await page.text()
  // The page requests nothing by an absolute path, or from another host.
  expect(html.match(/(?:src|href|action)="(?:\/|https?:)[^"]*"/g)).toBeNull()

  using stream = await openStream(`${url}/prefix/ops/events`)
  expect((await stream.until(() => true)).frame.services).toHaveLength(1)
  expect(stream.response.complete).toBe(false)
})
