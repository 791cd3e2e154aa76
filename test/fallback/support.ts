import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { until } from '../support/until.ts'

/** Collects garbage until `condition` holds. */
export async function collectUntil(condition: () => boolean): Promise<void> {
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc') as () => void
  await until(() => {
    gc()
    return condition()
  })
}

/** A body in pieces, that knows how many of them were asked for. */
export function pieces(...texts: readonly string[]): {
  body: ReadableStream<Uint8Array>
  asked: () => number
  isCancelled: () => boolean
} {
  let next = 0
  let isCancelled = false
  const body = new ReadableStream<Uint8Array>(
    {
      pull: (controller) => {
        const text = texts[next++]
        if (text === undefined) controller.close()
        else controller.enqueue(new TextEncoder().encode(text))
      },
      cancel: () => {
        isCancelled = true
      },
    },
    { highWaterMark: 0 },
  )
  return { body, asked: () => next, isCancelled: () => isCancelled }
}
