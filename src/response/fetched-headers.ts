/** Headers of an answer, as undici has read them: names in lower case, values as Latin-1. */
export type AnswerHeaders = Readonly<Record<string, string | readonly string[] | undefined>>

/** What `Headers` takes as it is. */
const PLAIN_VALUE = /^(?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?$/

/** Whether `Headers` would take all of them without changing or refusing one, as fetch itself does. */
export function arePlain(headers: AnswerHeaders): boolean {
  for (const name in headers) {
    const value = headers[name]
    if (
      typeof value === 'string' ? !PLAIN_VALUE.test(value) : !value?.every((each) => PLAIN_VALUE.test(each))
    ) {
      return false
    }
  }
  return true
}

export function appendAll(to: Headers, headers: AnswerHeaders): Headers {
  for (const [name, value] of Object.entries(headers)) {
    if (typeof value === 'string') to.append(name, value)
    else for (const each of value ?? []) to.append(name, each)
  }
  return to
}

/** Headers that nobody may change, as those of a fetched response. The platform has no way to make them from outside. */
class FetchedHeaders extends Headers {}

for (const name of ['append', 'set', 'delete'] as const) {
  const member = Object.getOwnPropertyDescriptor(Headers.prototype, name)
  const refusing = {
    // The platform's own error: of a wrong argument first, of the guard otherwise.
    [name](this: Headers, ...args: string[]): unknown {
      const from = this instanceof FetchedHeaders ? Response.error().headers : this
      return Reflect.apply(Headers.prototype[name], from, args)
    },
  }
  Object.defineProperty(FetchedHeaders.prototype, name, { ...member, value: refusing[name] })
}
Object.defineProperty(FetchedHeaders.prototype, 'constructor', { value: Headers })

export function fetchedHeaders(headers: AnswerHeaders): Headers {
  const made = new FetchedHeaders()
  for (const [name, value] of Object.entries(headers)) {
    if (typeof value === 'string') Headers.prototype.append.call(made, name, value)
    else for (const each of value ?? []) Headers.prototype.append.call(made, name, each)
  }
  return made
}
