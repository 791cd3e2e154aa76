/** Provides the stream that the stand-in replaces. */
interface Original {
  /** Undefined while the response is being constructed. */
  stream(): ReadableStream | undefined
}

export type StandIn = new (original: Original) => ReadableStream

/** The symbols by which Node asks for the state of any stream, also of one that it did not make. */
const STATES = ['disturbed', 'readable', 'errored'].map((name) => Symbol.for(`nodejs.stream.${name}`))

let known: StandIn | undefined

/**
 * The object that the platform stores as the body of a lazy Response. A method of `Response.prototype` that is called
 * on the Response reads through it: it gets the body's data, or the error of a body that was already read. Its members
 * call the same members of the real stream, which is created only then. Without that, it costs no more than an object.
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
  // The platform checks only `instanceof`. If there is no stream yet, the members return the values of an unread
  // stream.
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
