import { disown } from './disown.ts'
import { warn } from './notify.ts'

/**
 * Runs `run` in the async context that a user function sets up. `run` runs exactly once: if the user function
 * does not call it, it runs in the current context. If the user function throws or rejects, the process gets a warning.
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
  message: 'the function `within` of an attempt threw; the attempt went on without its context',
  code: 'OUTRIGGER_LISTENER',
}
