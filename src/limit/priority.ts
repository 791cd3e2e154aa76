import { quote } from '../options.ts'

/** Who is shed first when there is too little for everybody: `sheddable`, then `default`, then `critical`. */
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
