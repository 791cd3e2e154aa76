import { quote } from '../quote.ts'
import { disown } from './disown.ts'

/**
 * Tells a function of the user's something, whose answer is of no interest. What it throws, or rejects with, becomes a
 * process warning: never the problem of whoever had to tell it.
 */
export function notify<Args extends readonly unknown[]>(
  hook: (...args: Args) => unknown,
  args: Args,
  warning: HookWarning,
): void {
  try {
    const result = hook(...args)
    if (result !== undefined) disown(result, (error) => warn(warning, error))
  } catch (error) {
    warn(warning, error)
  }
}

export interface HookWarning {
  readonly message: string
  readonly code: string
}

export function warn({ message, code }: HookWarning, error: unknown): void {
  process.emitWarning(message, { code, detail: detailOf(error) })
}

/** An error as text, with its stack; whatever was thrown, this does not throw. */
export function detailOf(error: unknown): string {
  try {
    if (error instanceof Error) return error.stack ?? error.message
  } catch {
    // A Proxy, or a getter that throws.
  }
  return quote(error)
}
