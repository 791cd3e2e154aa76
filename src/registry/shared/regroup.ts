/**
 * Items by the name of their group. A group with the same items as before, in the same order, is the same array as
 * before, so that a look at it tells whether anything has changed.
 */
export function regroup<T>(
  before: ReadonlyMap<string, readonly T[]>,
  items: Iterable<readonly [name: string, item: T]>,
): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, readonly T[]>()
  for (const [name, item] of items) {
    const group = groups.get(name) as T[] | undefined
    if (group) group.push(item)
    else groups.set(name, [item])
  }
  for (const [name, group] of groups) {
    const old = before.get(name)
    if (old?.length === group.length && old.every((item, index) => item === group[index]))
      groups.set(name, old)
  }
  return groups
}
