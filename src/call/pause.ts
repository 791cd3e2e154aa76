import { startTimer } from '../clock.ts'
import type { Core } from './core.ts'

/** Waits by the clock, or until the client closes. `onWait` gets what ends the wait before, with a rejection. */
export function pause(
  { clock, onClose }: Core,
  ms: number,
  onWait: (wake: (reason: unknown) => void) => void,
): Promise<void> {
  return new Promise<void>((resolve, reject) => {
    const letGo = (): void => {
      cancel()
      onClose.delete(rise)
    }
    const rise = (): void => {
      letGo()
      resolve()
    }
    const cancel = startTimer(clock, ms, rise)
    onClose.add(rise)
    onWait((reason) => {
      letGo()
      reject(reason)
    })
  })
}
