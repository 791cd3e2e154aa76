import { inspect } from 'node:util'

const OPTIONS = { depth: 1, breakLength: Infinity, maxStringLength: 80, maxArrayLength: 20 }

/** Quotes a value for an error message, on one short line. Never throws. */
export function quote(value: unknown): string {
  const text = oneLine(show(value).slice(0, 1_000))
  return text.length > 120 ? `${text.slice(0, 117)}...` : text
}

/** Control characters, and characters that change the direction of text. A terminal would interpret them. */
// oxlint-disable-next-line no-control-regex -- it matches control characters
const CONTROLS = /[\0-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g

/**
 * Returns a text from outside on one line, with control characters escaped, so that it can neither fake a line
 * of a log nor control a terminal.
 */
export function oneLine(text: string): string {
  return text.replaceAll(/[\r\n\u2028\u2029]\s*/g, ' ').replaceAll(CONTROLS, escaped)
}

function escaped(character: string): string {
  return character === '\t' ? ' ' : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}

function show(value: unknown): string {
  try {
    return value instanceof Error ? String(value) : inspect(value, OPTIONS)
  } catch {
    // For example a Proxy whose traps throw, or an object whose getter or toString() throws.
    return `[${typeof value} that cannot be shown]`
  }
}
