import { quote } from '../quote.ts'
import { disown } from './disown.ts'

/**
 * Calls a user function whose result is not needed. If it throws or rejects, the process gets a warning. `notify`
 * itself does not throw.
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

/** Returns an error as text, with its stack. It never throws, whatever was thrown. */
function detailOf(error: unknown): string {
  try {
    if (error instanceof Error) return error.stack ?? error.message
  } catch {
    // The value is a Proxy, or has a getter that throws.
  }
  return quote(error)
}
