import type { AnswerBody } from './answer-body.ts'

/** Makes a byte stream like that of fetch: it reads on demand, one chunk at a time, and a cancel ends the request. */
export function bodyStream(body: AnswerBody): ReadableStream<Uint8Array> {
  let wake: (() => void) | undefined
  return new ReadableStream({
    type: 'bytes',
    start(controller) {
      body.setReader({
        ready: () => {
          // This also runs while nothing reads: it rejects `closed` of a reader.
          if (body.error !== undefined) controller.error(body.error)
          wake?.()
        },
      })
      if (body.error !== undefined) controller.error(body.error)
    },
    async pull(controller) {
      // fetch also looks for the next chunk one microtask later. So an abort right after the read comes before the end.
      await Promise.resolve()
      if (body.error !== undefined) return
      let piece = body.take()
      while (!piece && !body.isOver) {
        await new Promise<void>((resolve) => (wake = resolve))
        wake = undefined
        piece = body.take()
      }
      if (body.error !== undefined) return
      // The chunk shares its memory with others, and a byte stream transfers its memory. So it gets a copy.
      if (piece) controller.enqueue(new Uint8Array(piece))
      else {
        body.done()
        controller.close()
        controller.byobRequest?.respond(0)
      }
    },
    cancel(reason) {
      body.cancel(reason)
      wake?.()
    },
  })
}
