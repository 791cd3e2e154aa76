/** The stream for which another one stands in. */
interface Original {
  /** Undefined while the response is being made. */
  stream(): ReadableStream | undefined
}

export type StandIn = new (original: Original) => ReadableStream

/** By these names Node asks any stream, also one that is none of its own. */
const STATES = ['disturbed', 'readable', 'errored'].map((name) => Symbol.for(`nodejs.stream.${name}`))

let known: StandIn | undefined

/**
 * What the platform keeps as the body of a Response that makes its stream when somebody asks for it. A method taken from
 * `Response.prototype` reads through it, and gets what there is to read or the error of a body that was read. The
 * members are those of `ReadableStream`, called on the stream itself; it costs no more than an object.
 */
export function standInStream(): StandIn {
  return (known ??= standInClass(globalThis.ReadableStream))
}

function standInClass(Stream: typeof ReadableStream): StandIn {
  class StandInStream implements Original {
    readonly #original: Original

    constructor(original: Original) {
      this.#original = original
    }

    stream(): ReadableStream | undefined {
      return this.#original.stream()
    }
  }
  const { prototype } = StandInStream
  // `instanceof` is all that the platform checks. Members read of no stream say what is true of one that is untouched.
  Object.setPrototypeOf(prototype, Stream.prototype)
  const members = Object.getOwnPropertyDescriptors(Stream.prototype)
  for (const name of Reflect.ownKeys(members)) {
    const member = Reflect.get(members, name) as PropertyDescriptor
    if (member.get || STATES.includes(name as symbol)) {
      Object.defineProperty(prototype, name, {
        configurable: true,
        get(this: Original): unknown {
          const stream = this.stream()
          return stream ? Reflect.get(stream, name) : false
        },
      })
    } else if (name !== 'constructor' && typeof member.value === 'function') {
      Object.defineProperty(prototype, name, {
        configurable: true,
        writable: true,
        value(this: Original, ...args: unknown[]): unknown {
          return Reflect.apply(member.value as () => unknown, this.stream(), args)
        },
      })
    }
  }
  return StandInStream as unknown as StandIn
}
