/** None, one or more of something; nearly always none or one, which needs no Set. */
export type OneOrSet<T> = T | Set<T> | undefined

export function isInOneOrSet<T>(oneOrSet: OneOrSet<T>, element: T): boolean {
  return oneOrSet instanceof Set ? oneOrSet.has(element) : oneOrSet === element
}

export function addToOneOrSet<T>(oneOrSet: OneOrSet<T>, element: T): OneOrSet<T> {
  if (oneOrSet === undefined || oneOrSet === element) return element
  return oneOrSet instanceof Set ? oneOrSet.add(element) : new Set([oneOrSet, element])
}
