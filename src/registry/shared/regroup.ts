/**
 * Groups items by name. A group with the same items in the same order as before keeps its array, so a
 * comparison of the arrays shows whether it has changed.
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
