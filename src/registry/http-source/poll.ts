import { isDeepStrictEqual } from 'node:util'
import type { Clock } from '../../clock.ts'
import type { RegistryHttp } from '../http/http.ts'

export interface PollOptions {
  readonly url: string
  readonly headers: () => Promise<Readonly<Record<string, string>>>
  /** Time between two requests, in ms. */
  readonly poll: number
  /** How long the server may delay its answer, in ms. 0 for a plain poll. */
  readonly wait: number
  readonly timeout: number
  readonly clock: Clock
}

/** The shortest time from one request to the next, in ms. */
const MIN_INTERVAL = 100

/** An answer without a change counts as delayed by the server if it took at least this long, in ms. */
const MIN_DELAYED = 1_000

/**
 * Yields each document that the server sends. A request carries the validator of the last answer (RFC 9110),
 * and a 304 yields nothing.
 */
export async function* pollDocuments(
  http: RegistryHttp,
  { url, headers, poll, wait, timeout, clock }: PollOptions,
  signal: AbortSignal,
): AsyncGenerator<unknown, void> {
  let validator: Record<string, string> = {}
  const canDelay = (): boolean => wait > 0 && Object.keys(validator).length > 0
  for (let first = true; ; first = false) {
    const started = clock.now()
    // The server cannot delay the first answer: no validator is known yet.
    const mayDelay = !first && canDelay()
    const request = {
      headers: {
        accept: 'application/json',
        'accept-encoding': 'gzip',
        ...(await headers()),
        ...validator,
        ...(mayDelay && { prefer: `wait=${Math.ceil(wait / 1000)}` }),
      },
      signal,
      timeout: timeout + (mayDelay ? wait : 0),
      background: !first,
    }
    const reply = await http.send(url, request)
    let hasChanged = false
    if (reply.status === 200) {
      const document = http.json(url, request, reply)
      const next = validatorOf(reply.headers)
      hasChanged = !isDeepStrictEqual(next, validator)
      validator = next
      yield document
    } else if (reply.status !== 304 || first) {
      throw http.failure(url, request, reply)
    }
    // A server that does not support delays answers at once although nothing has changed: then wait for the poll
    // interval. After the first answer, send the next request at once, so that a change right after it is found
    // without a pause.
    const supportsDelay = mayDelay ? hasChanged || clock.now() - started >= MIN_DELAYED : first && canDelay()
    const interval = supportsDelay ? MIN_INTERVAL : poll * (0.9 + 0.2 * clock.random())
    await clock.sleep(Math.max(started + interval - clock.now(), 0), signal, { ref: false })
  }
}

/** The stronger validator that the server gives, if any. */
function validatorOf({
  etag,
  'last-modified': modified,
}: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> {
  if (typeof etag === 'string') return { 'if-none-match': etag }
  return typeof modified === 'string' ? { 'if-modified-since': modified } : {}
}
