import type { AnswerBody } from './answer-body.ts'

/** A body as the byte stream that fetch gives: read on demand, a piece at a time, cancelled with its request. */
export function bodyStream(body: AnswerBody): ReadableStream<Uint8Array> {
  let wake: (() => void) | undefined
  return new ReadableStream({
    type: 'bytes',
    start(controller) {
      body.readBy({
        ready: () => {
          // Also while nobody reads: `closed` of a reader tells of it.
          if (body.error !== undefined) controller.error(body.error)
          wake?.()
        },
      })
      if (body.error !== undefined) controller.error(body.error)
    },
    async pull(controller) {
      // fetch too looks for the next piece a moment later: an abort right after the read comes before the end.
      await Promise.resolve()
      if (body.error !== undefined) return
      let piece = body.take()
      while (!piece && !body.isOver) {
        await new Promise<void>((resolve) => (wake = resolve))
        wake = undefined
        piece = body.take()
      }
      if (body.error !== undefined) return
      // A copy: the piece lies in memory that it shares with others, and a byte stream gives its memory away.
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
