import { quote } from './quote.ts'
import { nearest } from './spelling.ts'

export { quote }

export interface NumberRule {
  min?: number
  max?: number
  integer?: boolean
  /** The value must be greater than `min`, not equal to it. */
  exclusive?: boolean
}

/** Returns `value` if it is a number within the rule, otherwise throws an error that names the option. */
export function checkNumber(name: string, value: unknown, rule: NumberRule = {}): number {
  const { min = 0, max = Infinity, integer = false, exclusive = false } = rule
  if (typeof value !== 'number') throw new TypeError(`${name} must be a number, got ${quote(value)}`)
  const tooLow = exclusive ? value <= min : value < min
  if (Number.isNaN(value) || tooLow || value > max || (integer && !Number.isInteger(value))) {
    const kind = integer ? 'an integer' : 'a number'
    const low = `${exclusive ? '>' : '>='} ${min}`
    const high = max === Infinity ? '' : ` and <= ${max}`
    throw new RangeError(`${name} must be ${kind} ${low}${high}, got ${quote(value)}`)
  }
  return value
}

/** Throws unless `value` is an object with properties. A Map, or a promise that was not awaited, is refused. */
export function checkRecord(name: string, value: unknown, kind = 'an object'): asserts value is object {
  const tag = Object.prototype.toString.call(value)
  const isRecord = typeof value === 'object' && value !== null && !Array.isArray(value)
  if (!isRecord || (tag !== '[object Object]' && Object.keys(value).length === 0)) {
    throw new TypeError(`${name} must be ${kind}, got ${quote(value)}`)
  }
}

/** Throws unless `value` is a plain options object with known keys only. */
export function checkObject(name: string, value: unknown, keys: readonly string[], kind?: string): void {
  checkRecord(name, value, kind)
  for (const key of Object.keys(value)) {
    if (!keys.includes(key)) {
      const meant = nearest(key, keys)
      const hint = meant === undefined ? '' : `; did you mean ${meant}?`
      throw new TypeError(`${name}.${key} is not an option; known: ${keys.join(', ')}${hint}`)
    }
  }
}

export function checkFunction(name: string, value: unknown): void {
  if (typeof value !== 'function') throw new TypeError(`${name} must be a function, got ${quote(value)}`)
}

export function checkBoolean(name: string, value: unknown): void {
  if (typeof value !== 'boolean') throw new TypeError(`${name} must be true or false, got ${quote(value)}`)
}

/** Returns the name in lower case if it is a token (RFC 9110, section 5.6.2). */
export function checkHeaderName(name: string, value: unknown): string {
  if (typeof value === 'string' && /^[!#$%&'*+.^_`|~\w-]+$/.test(value)) return value.toLowerCase()
  throw new TypeError(`${name} must be a header name, got ${quote(value)}`)
}

/** Throws unless `value` is an object with all named methods. */
export function checkMethods(name: string, value: unknown, methods: readonly string[]): void {
  for (const method of methods) {
    const member = (value as Record<string, unknown> | null | undefined)?.[method]
    if (typeof member !== 'function') {
      throw new TypeError(`${name} must have a method ${method}(), got ${quote(value)}`)
    }
  }
}

/**
 * Returns `value` unless it cannot be used as a signal. Checks methods, because each realm has another
 * AbortSignal class.
 */
export function checkSignal(value: AbortSignal | undefined): AbortSignal | undefined {
  if (value !== undefined) checkMethods('signal', value, ['addEventListener', 'removeEventListener'])
  return value
}
