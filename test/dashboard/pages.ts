import { request, type IncomingMessage } from 'node:http'

export interface Event {
  readonly id: number
  // oxlint-disable-next-line typescript/no-explicit-any -- what was sent is what is tested
  readonly frame: any
}

/** A page's stream: it may stop reading. */
export interface Stream extends Disposable {
  readonly response: IncomingMessage
  readonly events: readonly Event[]
  /** Resolves with the first frame that fits, also one that has come already. */
  until(fits: (frame: Event['frame']) => boolean): Promise<Event>
}

/** Opens the stream as a browser does. */
export async function openStream(url: string, headers: Record<string, string> = {}): Promise<Stream> {
  const outgoing = request(url, { headers, agent: false })
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  outgoing.once('response', resolve).on('error', reject).end()
  const response = await promise
  response.on('error', () => {})
  const events: Event[] = []
  const waiting = new Set<() => void>()
  let text = ''
  response.setEncoding('utf8').on('data', (piece: string) => {
    text += piece
    const blocks = text.split('\n\n')
    text = blocks.pop() ?? ''
    for (const block of blocks) {
      const [, id, data] = /^id: (\d+)\ndata: (.*)$/.exec(block) ?? []
      if (data !== undefined) events.push({ id: Number(id), frame: JSON.parse(data) })
    }
    for (const look of waiting) look()
  })
  return {
    response,
    events,
    until: (fits) =>
      new Promise((found) => {
        const look = (): void => {
          const event = events.find(({ frame }) => fits(frame))
          if (!event) return
          waiting.delete(look)
          found(event)
        }
        waiting.add(look)
        look()
      }),
    [Symbol.dispose]: () => outgoing.destroy(),
  }
}
