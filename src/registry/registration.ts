/** Which registration an entry is from, where its registry tells: by the object that describes the instance. */
const registrations = new WeakMap<object, unknown>()

/** Says which registration of an instance this entry is from, such as its lease. Returns the entry. */
export function registeredBy<T extends object>(entry: T, registration: unknown): T {
  if (registration !== undefined) registrations.set(entry, registration)
  return entry
}

/** Takes over to `to` what is known of `from`. */
export function sameRegistrationAs<T extends object>(to: T, from: object): T {
  return registeredBy(to, registrations.get(from))
}

/** Whether `next` is from another registration than `before`: a process that restarts may say the same of itself. */
export function isRegisteredAnew(next: object, before: object): boolean {
  return registrations.has(next) && registrations.get(next) !== registrations.get(before)
}
