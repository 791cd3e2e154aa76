import { inspect } from 'node:util'

const OPTIONS = { depth: 1, breakLength: Infinity, maxStringLength: 80, maxArrayLength: 20 }

/** Quotes a value for an error message, on one short line. Never throws. */
export function quote(value: unknown): string {
  const text = oneLine(show(value).slice(0, 1_000))
  return text.length > 120 ? `${text.slice(0, 117)}...` : text
}

/** What somebody else has written must not forge a line of a log. */
export function oneLine(text: string): string {
  return text.replaceAll(/[\r\n\u2028\u2029]\s*/g, ' ')
}

function show(value: unknown): string {
  try {
    return value instanceof Error ? String(value) : inspect(value, OPTIONS)
  } catch {
    // A Proxy whose traps throw, a getter, a toString of its own.
    return `[${typeof value} that cannot be shown]`
  }
}
