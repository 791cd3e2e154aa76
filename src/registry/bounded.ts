import type { Clock } from '../clock.ts'
import { timeoutError } from '../errors.ts'
import type { SignalContext } from './source.ts'

export interface BoundedOptions {
  /** Ends it early. */
  readonly parent?: AbortSignal
  /**
   * Keeps the process alive meanwhile: for what somebody waits for.
   * @default false
   */
  readonly ref?: boolean
}

/**
 * Runs `work` for at most `ms`, or until `parent` aborts: then its signal aborts and the promise rejects at once,
 * whether `work` listens or not.
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
