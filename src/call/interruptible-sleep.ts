import { startTimer } from '../clock.ts'
import type { Core } from './core.ts'

/** Ends a wait before its time. */
export interface SleepInterrupt {
  readonly resolve: () => void
  readonly reject: (reason: unknown) => void
}

/** Waits by the clock, or until the client closes. `onWait` gets what ends the wait before. */
export function interruptibleSleep(
  { clock, onClose }: Core,
  ms: number,
  onWait: (interrupt: SleepInterrupt) => void,
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
