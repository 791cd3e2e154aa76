import { disown } from './disown.ts'
import { warn } from './notify.ts'

/**
 * Runs `run` inside of what a function of the user's sets up, an async context. It runs once whatever that function does: when it
 * throws, or does not run it, there is a process warning, and `run` runs without.
 */
export function runWithin<T>(within: ((run: () => void) => unknown) | undefined, run: () => T): T {
  if (within === undefined) return run()
  let result: { readonly value: T } | undefined
  let thrown: { readonly error: unknown } | undefined
  const once = (): void => {
    if (result ?? thrown) return
    try {
      result = { value: run() }
    } catch (error) {
      thrown = { error }
    }
  }
  try {
    disown(within(once), (error) => warn(WARNING, error))
  } catch (error) {
    warn(WARNING, error)
  }
  once()
  if (thrown) throw thrown.error
  return result!.value
}

const WARNING = {
  message: 'what `within` set up for an attempt threw; the attempt went on without',
  code: 'OUTRIGGER_LISTENER',
}
