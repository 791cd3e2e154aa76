import type { Clock } from '../../clock.ts'
import { timeoutError } from '../../errors.ts'
import type { RegistryHttp } from '../http/http.ts'

export interface EventsOptions {
  readonly url: string
  readonly headers: () => Promise<Readonly<Record<string, string>>>
  /** After how many ms without a byte, even of a comment, the server counts as frozen. */
  readonly idle: number
  readonly clock: Clock
}

/** How many characters one event may have. The limit protects the memory from a server that never ends an event. */
const MAX_EVENT = 64 * 1024 * 1024

/** Yields the document of each server-sent event (`text/event-stream`). */
export async function* eventDocuments(
  http: RegistryHttp,
  { url, headers, idle, clock }: EventsOptions,
  signal: AbortSignal,
): AsyncGenerator<unknown, void> {
  const frozen = new AbortController()
  const active = AbortSignal.any([signal, frozen.signal])
  let lastByteAt = clock.now()
  const watchIdle = async (): Promise<void> => {
    for (;;) {
      const left = lastByteAt + idle - clock.now()
      if (left <= 0)
        return frozen.abort(timeoutError(`http: no event and no comment from ${url} within ${idle} ms`))
      await clock.sleep(left, active, { ref: false })
    }
  }
  watchIdle().catch(() => {})
  try {
    const request = {
      headers: { accept: 'text/event-stream', ...(await headers()) },
      signal: active,
      background: true,
    }
    const chunks = await http.stream(url, request)
    for await (const data of eventData(chunks, () => (lastByteAt = clock.now()))) yield parse(url, data)
  } catch (error) {
    signal.throwIfAborted()
    throw frozen.signal.aborted ? frozen.signal.reason : error
  } finally {
    frozen.abort()
  }
  throw new Error(`http: ${url} ended the stream of events`)
}

/** Yields the data of each event that has any (HTML standard, section 9.2.6). */
export async function* eventData(
  chunks: AsyncIterable<Uint8Array>,
  onBytes: () => void,
): AsyncGenerator<string, void> {
  const decoder = new TextDecoder()
  let parts: string[] = []
  let data: string[] = []
  let size = 0
  let isAfterCR = false
  for await (const chunk of chunks) {
    onBytes()
    const decoded = decoder.decode(chunk, { stream: true })
    // A CR at the end of a chunk and an LF at the start of the next one are one line end.
    const text = isAfterCR && decoded.startsWith('\n') ? decoded.slice(1) : decoded
    if (decoded !== '') isAfterCR = decoded.endsWith('\r')
    size += text.length
    if (size > MAX_EVENT) throw new Error(`http: an event has more than ${MAX_EVENT} characters`)
    parts.push(text)
    if (!/[\r\n]/.test(text)) continue
    const lines = parts.join('').split(/\r\n|\n|\r/)
    parts = [lines.pop() ?? '']
    for (const line of lines) {
      if (line === '') {
        if (data.length > 0) yield data.join('\n')
        data = []
        size = parts[0]?.length ?? 0
      } else if (line === 'data') data.push('')
      else if (line.startsWith('data:')) data.push(line.slice('data:'.length).replace(/^ /, ''))
    }
  }
}

function parse(url: string, data: string): unknown {
  try {
    return JSON.parse(data)
  } catch (error) {
    throw new Error(`http: an event of ${url} is not valid JSON`, { cause: error })
  }
}
