import type { IncomingMessage } from 'node:http'
import type { Fetch } from '../../src/attempt/platform.ts'
import { startServer, type Answer, type TestServer } from '../support/http-server.ts'

/** What a server saw of one request. */
interface Seen {
  method: string | undefined
  url: string | undefined
  /** Names and values in their original spelling and order. */
  headers: string[]
  body: string
}

export interface Origin extends AsyncDisposable {
  readonly server: TestServer
  /** The requests so far, with their complete bodies. */
  seen(): Promise<readonly Seen[]>
  /** Removes all requests, and starts again with the first response. */
  play(answers: readonly Answer[]): void
}

/** A server that records everything about the requests it gets. */
export async function startOrigin(): Promise<Origin> {
  let notes: Promise<Seen>[] = []
  const server = await startServer()
  const noting =
    (answer: Answer): Answer =>
    (request, response) => {
      notes.push(note(request))
      return answer(request, response)
    }
  return {
    server,
    seen: () => Promise.all(notes),
    play: (answers) => {
      notes = []
      server.behave(...answers.map(noting))
    },
    [Symbol.asyncDispose]: () => server.close(),
  }
}

async function note(request: IncomingMessage): Promise<Seen> {
  const { method, url, rawHeaders } = request
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  // An aborted upload emits only 'close'.
  await new Promise((resolve) => request.once('end', resolve).once('close', resolve))
  // How much of an aborted upload arrives is random.
  const body = request.complete ? Buffer.concat(chunks).toString('latin1') : '(cut)'
  return { method, url, headers: rawHeaders, body }
}

/** Everything that a caller sees of a fetch's result. */
export interface Outcome {
  readonly [fact: string]: unknown
}

/** The result of a call, with its complete body. */
export async function outcomeOf(call: () => Promise<Response>): Promise<Outcome> {
  let response: Response
  try {
    response = await call()
  } catch (error) {
    return { rejected: describeError(error) }
  }
  return describeResponse(response)
}

async function describeResponse(response: Response): Promise<Outcome> {
  const { status, statusText, ok, type, url, redirected, bodyUsed } = response
  const hasBody = response.body !== null
  const body = await response.arrayBuffer().then(
    (bytes) => Buffer.from(bytes).toString('latin1'),
    (error: unknown) => ({ failed: describeError(error) }),
  )
  return {
    isResponse: response instanceof globalThis.Response && response.constructor === globalThis.Response,
    status,
    statusText,
    ok,
    type,
    url,
    redirected,
    headers: [...response.headers].filter(([name]) => name !== 'date'),
    cookies: response.headers.getSetCookie(),
    hasBody,
    bodyUsed: [bodyUsed, response.bodyUsed],
    body,
  }
}

export function describeError(error: unknown): unknown {
  if (!(error instanceof Error) && !(error instanceof DOMException)) return { thrown: error }
  const { name, message, cause, constructor } = error
  // The text comes from the parser, and the undici of the pools may be newer than the platform's.
  if (name === 'HTTPParserError') return { class: constructor.name, name }
  const code: unknown = Reflect.get(error, 'code')
  return {
    class: constructor.name,
    name,
    message,
    ...(code !== undefined && { code }),
    ...(cause !== undefined && { cause: describeError(cause) }),
  }
}

/** A way to fetch, and the host for it. */
export interface Door {
  readonly fetch: Fetch
  readonly host: string
}

/** The facts through one door. What must differ is replaced: the host, and random values. */
export function comparable(door: Door, facts: unknown): unknown {
  const text = JSON.stringify(facts, (_key, value: unknown) => (value === undefined ? '(undefined)' : value))
  return JSON.parse(text.replaceAll(door.host, 'HOST').replaceAll(/formdata-undici-\d+/g, 'BOUNDARY'))
}
