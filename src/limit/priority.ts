import { quote } from '../options.ts'

/**
 * The importance of a call. If there are too many calls, `sheddable` calls are refused first, then `default`, then
 * `critical`.
 */
export type Priority = 'critical' | 'default' | 'sheddable'

export const PRIORITIES: readonly Priority[] = ['critical', 'default', 'sheddable']

export function checkPriority(name: string, value: unknown): Priority {
  const known = PRIORITIES.find((priority) => priority === value)
  if (known) return known
  throw new TypeError(`${name} must be one of ${PRIORITIES.join(', ')}, got ${quote(value)}`)
}

export function isPriority(value: unknown): value is Priority {
  return PRIORITIES.includes(value as Priority)
}
