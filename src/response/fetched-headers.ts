/** Headers of an answer, as undici has read them: names in lower case, values as Latin-1. */
export type AnswerHeaders = Readonly<Record<string, string | readonly string[] | undefined>>

/** What `Headers` takes as it is. */
const PLAIN_VALUE = /^(?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?$/

/** Whether `Headers` would take all of them without changing or refusing one, as fetch itself does. */
export function arePlain(headers: AnswerHeaders): boolean {
  // No `for in`: it would take for headers what somebody has added to Object.prototype.
  return Object.values(headers).every((value) =>
    typeof value === 'string' ? PLAIN_VALUE.test(value) : value?.every((each) => PLAIN_VALUE.test(each)),
  )
}

/** The same, for one who may change them. */
export function ownHeaders(headers: AnswerHeaders): Headers {
  return new Headers(Object.entries(headers).flatMap(pairsOf))
}

let known: typeof Headers | undefined

/** Headers that nobody may change, as those of a fetched response. The platform has no way to make them from outside. */
export function fetchedHeaders(headers: AnswerHeaders): Headers {
  return new (known ??= guarded(globalThis.Headers))(Object.entries(headers).flatMap(pairsOf))
}

type Change = 'append' | 'set' | 'delete'

/** Not at import: to look at the global loads the platform's undici. */
function guarded(Platform: typeof Headers): typeof Headers {
  class FetchedHeaders extends Platform {}
  for (const name of ['append', 'set', 'delete'] satisfies Change[]) {
    const member = Object.getOwnPropertyDescriptor(Platform.prototype, name)
    const refusing = {
      // The platform's own error: of a wrong argument first, of the guard otherwise.
      [name](this: Headers, ...args: string[]): unknown {
        const from = this instanceof FetchedHeaders ? Response.error().headers : this
        return Reflect.apply(Platform.prototype[name], from, args)
      },
    }
    Object.defineProperty(FetchedHeaders.prototype, name, { ...member, value: refusing[name] })
  }
  Object.defineProperty(FetchedHeaders.prototype, 'constructor', { value: Platform })
  return FetchedHeaders
}

function pairsOf([name, value = []]: [string, AnswerHeaders[string]]): [string, string][] {
  return typeof value === 'string' ? [[name, value]] : value.map((each) => [name, each])
}
