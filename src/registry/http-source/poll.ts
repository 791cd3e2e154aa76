import type { Clock } from '../../clock.ts'
import type { RegistryHttp } from '../http/http.ts'

export interface PollOptions {
  readonly url: string
  readonly headers: () => Promise<Readonly<Record<string, string>>>
  /** Milliseconds between two requests. */
  readonly poll: number
  /** Milliseconds for which the server may hold back its answer; 0 for a plain poll. */
  readonly wait: number
  readonly timeout: number
  readonly clock: Clock
}

/** Milliseconds from one request to the next at least. */
const MIN_INTERVAL = 100

/** Milliseconds after which an answer without news counts as held back. */
const MIN_HELD = 1_000

/** Documents as the server gives them, none for 304: a request with the validator of the last answer (RFC 9110). */
export async function* pollDocuments(
  http: RegistryHttp,
  { url, headers, poll, wait, timeout, clock }: PollOptions,
  signal: AbortSignal,
): AsyncGenerator<unknown, void> {
  let validator: Record<string, string> = {}
  const canHold = (): boolean => wait > 0 && Object.keys(validator).length > 0
  for (let first = true; ; first = false) {
    const started = clock.now()
    // The first answer is never held back: nothing is known that it could differ from.
    const holding = !first && canHold()
    const request = {
      headers: {
        accept: 'application/json',
        'accept-encoding': 'gzip',
        ...(await headers()),
        ...validator,
        ...(holding && { prefer: `wait=${Math.ceil(wait / 1000)}` }),
      },
      signal,
      timeout: timeout + (holding ? wait : 0),
      background: !first,
    }
    const reply = await http.send(url, request)
    if (reply.status === 200) {
      const document = http.json(url, request, reply)
      validator = validatorOf(reply.headers)
      yield document
    } else if (reply.status !== 304 || first) {
      throw http.failure(url, request, reply)
    }
    // A server that does not hold back answers at once, again and again. It is asked to right after the first answer: what
    // changes meanwhile would be heard of only after the pause of a poll.
    const held = holding ? reply.status === 200 || clock.now() - started >= MIN_HELD : first && canHold()
    const interval = held ? MIN_INTERVAL : poll * (0.9 + 0.2 * clock.random())
    await clock.sleep(Math.max(started + interval - clock.now(), 0), signal, { ref: false })
  }
}

/** The stronger of the two, if the server gives one. */
function validatorOf({
  etag,
  'last-modified': modified,
}: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> {
  if (typeof etag === 'string') return { 'if-none-match': etag }
  return typeof modified === 'string' ? { 'if-modified-since': modified } : {}
}
