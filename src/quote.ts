import { inspect } from 'node:util'

const OPTIONS = { depth: 1, breakLength: Infinity, maxStringLength: 80, maxArrayLength: 20 }

/** Quotes a value for an error message, on one short line. Never throws. */
export function quote(value: unknown): string {
  const text = show(value)
    .slice(0, 1_000)
    .replaceAll(/[\r\n\u2028\u2029]\s*/g, ' ')
  return text.length > 120 ? `${text.slice(0, 117)}...` : text
}

function show(value: unknown): string {
  try {
    return value instanceof Error ? String(value) : inspect(value, OPTIONS)
  } catch {
    // A Proxy whose traps throw, a getter, a toString of its own.
    return `[${typeof value} that cannot be shown]`
  }
}
