import type { Clock } from '../clock.ts'
import { timeoutError } from '../errors.ts'
import type { SignalContext } from './source.ts'

export interface BoundedOptions {
  /** Ends the work early. */
  readonly parent?: AbortSignal
  /**
   * Whether the timer keeps the process alive. True when somebody waits for the result.
   * @default false
   */
  readonly ref?: boolean
}

/**
 * Runs `work` for at most `ms` milliseconds, or until `parent` aborts. Then the signal of `work` aborts, and
 * the promise rejects at once, even if `work` ignores its signal.
 */
export async function bounded<T>(
  clock: Clock,
  ms: number,
  work: (context: SignalContext) => T | Promise<T>,
  { parent, ref = false }: BoundedOptions = {},
): Promise<T> {
  parent?.throwIfAborted()
  const controller = new AbortController()
  const { signal } = controller
  const onAbort = (): void => controller.abort(parent?.reason)
  parent?.addEventListener('abort', onAbort, { once: true })
  const expired = clock.sleep(ms, signal, { ref }).then(() => {
    const error = timeoutError(`the registry did not answer within ${ms} ms`)
    controller.abort(error)
    throw error
  })
  try {
    return await Promise.race([Promise.resolve({ signal }).then(work), expired])
  } finally {
    parent?.removeEventListener('abort', onAbort)
    controller.abort()
  }
}
