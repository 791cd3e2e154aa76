import { text } from 'node:stream/consumers'
import type { Answer } from '../support/http-server.ts'

/** Says as JSON what it was asked; to GraphQL, in the shape that GraphQL has. */
export const echoRequest: Answer = async (request, response) => {
  const { method, url } = request
  const body = await text(request)
  const seen = { method, url, body: body === '' ? null : (JSON.parse(body) as unknown) }
  const answer = url === '/graphql' ? { data: { echo: seen } } : seen
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
}
