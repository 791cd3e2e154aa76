// Two instances of a service, and a client for it. close() ends all of them.
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createClient, fixed, roundRobin, type Client } from 'outrigger'

export async function startUsers(): Promise<{ users: Client; url: string; close(): Promise<void> }> {
  const servers = await Promise.all(
    ['first', 'second'].map(async (name) => {
      const server = createServer((request, response) => {
        response.setHeader('content-type', 'application/json')
        response.end(JSON.stringify({ id: 42, path: request.url, by: name }))
      }).listen(0, '127.0.0.1')
      await once(server, 'listening')
      return server
    }),
  )
  const urls = servers.map((server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  const users = createClient({ service: 'user-service', source: fixed(urls), balance: roundRobin() })
  return {
    users,
    url: urls[0] ?? '',
    close: async () => {
      await users.close()
      for (const server of servers) server.close().closeAllConnections()
    },
  }
}
