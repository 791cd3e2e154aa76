/** No element, one element, or a Set of elements. Most calls have at most one, so they allocate no Set. */
export type OneOrSet<T> = T | Set<T> | undefined

export function isInOneOrSet<T>(oneOrSet: OneOrSet<T>, element: T): boolean {
  return oneOrSet instanceof Set ? oneOrSet.has(element) : oneOrSet === element
}

/** Returns the value with the element added. Changes a Set in place. */
export function addToOneOrSet<T>(oneOrSet: OneOrSet<T>, element: T): OneOrSet<T> {
  if (oneOrSet === undefined || oneOrSet === element) return element
  return oneOrSet instanceof Set ? oneOrSet.add(element) : new Set([oneOrSet, element])
}
