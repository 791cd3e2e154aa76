import { startTimer } from '../clock.ts'
import type { Core } from './core.ts'

/** Ends a wait before its time. */
export interface Waiting {
  readonly resolve: () => void
  readonly reject: (reason: unknown) => void
}

/** Waits by the clock, or until the client closes. `onWait` gets what ends the wait before. */
export function pause(
  { clock, onClose }: Core,
  ms: number,
  onWait: (waiting: Waiting) => void,
): Promise<void> {
  return new Promise<void>((resolve, reject) => {
    const letGo = (): void => {
      cancel()
      onClose.delete(end)
    }
    const end = (): void => {
      letGo()
      resolve()
    }
    const cancel = startTimer(clock, ms, end)
    onClose.add(end)
    onWait({
      resolve: end,
      reject(reason) {
        letGo()
        reject(reason)
      },
    })
  })
}
