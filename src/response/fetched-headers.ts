/** The headers of a response as undici has parsed them: names in lower case, values as Latin-1. */
export type AnswerHeaders = Readonly<Record<string, string | readonly string[] | undefined>>

/** The values that `Headers` accepts unchanged. */
const PLAIN_VALUE = /^(?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?$/

/** True if `Headers` would accept all of them without changing or rejecting one. */
export function arePlain(headers: AnswerHeaders): boolean {
  // `for in` would also return properties that other code has added to Object.prototype.
  return Object.values(headers).every((value) =>
    typeof value === 'string' ? PLAIN_VALUE.test(value) : value?.every((each) => PLAIN_VALUE.test(each)),
  )
}

/** Returns a copy as `Headers` that can be changed. */
export function mutableHeaders(headers: AnswerHeaders): Headers {
  return new Headers(Object.entries(headers).flatMap(pairsOf))
}

let known: typeof Headers | undefined

/**
 * Returns headers that cannot be changed, like those of a fetched response. The platform offers no way to construct
 * them.
 */
export function fetchedHeaders(headers: AnswerHeaders): Headers {
  return new (known ??= immutableHeaders(globalThis.Headers))(Object.entries(headers).flatMap(pairsOf))
}

type Change = 'append' | 'set' | 'delete'

/** Not at import: reading the global `Headers` loads the platform's undici. */
function immutableHeaders(Platform: typeof Headers): typeof Headers {
  class FetchedHeaders extends Platform {}
  for (const name of ['append', 'set', 'delete'] satisfies Change[]) {
    const member = Object.getOwnPropertyDescriptor(Platform.prototype, name)
    const refusing = {
      // The platform's own error: first about a wrong argument, otherwise about immutable headers.
      [name](this: Headers, ...args: string[]): unknown {
        const from = this instanceof FetchedHeaders ? Response.error().headers : this
        return Reflect.apply(Platform.prototype[name], from, args)
      },
    }
    Object.defineProperty(FetchedHeaders.prototype, name, {
      ...member,
      value: refusing[name],
    })
  }
  Object.defineProperty(FetchedHeaders.prototype, 'constructor', {
    value: Platform,
  })
  return FetchedHeaders
}

function pairsOf([name, value = []]: [string, AnswerHeaders[string]]): [string, string][] {
  return typeof value === 'string' ? [[name, value]] : value.map((each) => [name, each])
}
