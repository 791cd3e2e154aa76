import { request, type IncomingMessage } from 'node:http'

export interface Told {
  readonly services: readonly unknown[]
  add(id: number, frame: object): boolean
}

/** Applies frames as the page does. */
const { Frames } = (await import(new URL('../../src/dashboard/page/frames.js', import.meta.url).href)) as {
  Frames: new () => Told
}

export interface Event {
  readonly id: number
  /** The frame as it arrived, and its length. */
  readonly sent: Readonly<Record<string, unknown>>
  readonly bytes: number
  /** The frame with all services complete, as a page has them. */
  // oxlint-disable-next-line typescript/no-explicit-any -- what was sent is what is tested
  readonly frame: any
}

/** The stream of a page. It may stop reading. */
export interface Stream extends Disposable {
  readonly response: IncomingMessage
  readonly events: readonly Event[]
  /** The state of the page, also after a reconnect. */
  readonly told: Told
  /** Resolves with the first frame that matches, even if it has already arrived. */
  until(fits: (frame: Event['frame']) => boolean): Promise<Event>
}

/** Opens the stream like a browser. */
export async function openStream(
  url: string,
  headers: Record<string, string> = {},
  told: Told = new Frames(),
): Promise<Stream> {
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
      if (data === undefined) continue
      const sent = JSON.parse(data) as Event['sent']
      if (told.add(Number(id), sent))
        events.push({ id: Number(id), sent, bytes: data.length, frame: { ...sent, services: told.services } })
    }
    for (const look of waiting) look()
  })
  return {
    response,
    events,
    told,
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
