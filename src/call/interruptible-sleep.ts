import { startTimer } from '../clock.ts'
import type { Core } from './core.ts'

/** Ends a sleep early. */
export interface SleepInterrupt {
  readonly resolve: () => void
  readonly reject: (reason: unknown) => void
}

/** Resolves after `ms` milliseconds, or when the client closes. Calls `onWait` before it returns. */
export function interruptibleSleep(
  { clock, onClose }: Core,
  ms: number,
  onWait: (interrupt: SleepInterrupt) => void,
): Promise<void> {
  return new Promise<void>((resolve, reject) => {
    const cleanUp = (): void => {
      cancel()
      onClose.delete(end)
    }
    const end = (): void => {
      cleanUp()
      resolve()
    }
    const cancel = startTimer(clock, ms, end)
    onClose.add(end)
    onWait({
      resolve: end,
      reject(reason) {
        cleanUp()
        reject(reason)
      },
    })
  })
}
