/**
 * The registration that each entry came from, if its registry reports one. The key is the object that describes
 * the instance.
 */
const registrations = new WeakMap<object, unknown>()

/** Records which registration of an instance this entry came from, such as its lease. Returns the entry. */
export function withRegistration<T extends object>(entry: T, registration: unknown): T {
  if (registration !== undefined) registrations.set(entry, registration)
  return entry
}

export function copyRegistration<T extends object>(to: T, from: object): T {
  return withRegistration(to, registrations.get(from))
}

/**
 * Whether `next` came from another registration than `before`. A restarted process may register with the same
 * data.
 */
export function isRegisteredAnew(next: object, before: object): boolean {
  return registrations.has(next) && registrations.get(next) !== registrations.get(before)
}
