import { Dispatcher } from '../undici.ts'
import { Relay } from './relay.ts'

type Handler = Dispatcher.DispatchHandler
type Controller = Dispatcher.DispatchController
type Headers = Record<string, string | string[]>

/**
 * Returns a dispatcher that accepts handlers of undici 7 and 8. A dispatcher of the user's may come from undici 5 or
 * 6, which call handlers by other methods.
 */
export function acceptAnyUndici(dispatcher: Dispatcher): Dispatcher {
  if (isFromOurUndici(dispatcher)) return dispatcher
  return new Proxy(dispatcher, {
    get: (target, name) => {
      if (name === 'dispatch') {
        return (options: Dispatcher.DispatchOptions, handler: Handler): boolean =>
          target.dispatch(options, new AnyUndiciHandler(handler))
      }
      const value: unknown = Reflect.get(target, name)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
}

/** True if the dispatcher comes from the undici that this library imports. */
function isFromOurUndici(dispatcher: unknown): boolean {
  return dispatcher instanceof Dispatcher
}

/**
 * A handler with the methods of undici 5 and 6, and those of undici 7 and 8 from `Relay`. Each version of undici
 * calls its own methods only.
 */
class AnyUndiciHandler extends Relay {
  #controller: LegacyController | undefined

  // The methods that undici 5 and 6 call.

  onConnect(abort: (reason?: Error) => void, context: unknown): void {
    this.#controller = new LegacyController(abort)
    this.inner?.onRequestStart?.(this.#controller, context)
  }

  onUpgrade(status: number, rawHeaders: readonly Buffer[], socket: never): void {
    this.inner?.onRequestUpgrade?.(this.#controllerOrNull, status, headersOf(rawHeaders), socket)
  }

  onHeaders(status: number, rawHeaders: Buffer[], resume: () => void, message: string): boolean {
    if (this.#controller) {
      this.#controller.onResume = resume
      this.#controller.rawHeaders = rawHeaders
    }
    this.inner?.onResponseStart?.(this.#controllerOrNull, status, headersOf(rawHeaders), message)
    return this.#controller?.paused !== true
  }

  onData(chunk: Buffer): boolean {
    this.inner?.onResponseData?.(this.#controllerOrNull, chunk)
    return this.#controller?.paused !== true
  }

  onComplete(rawTrailers: Buffer[] | null): void {
    if (this.#controller) this.#controller.rawTrailers = rawTrailers ?? []
    this.inner?.onResponseEnd?.(this.#controllerOrNull, headersOf(rawTrailers ?? []))
  }

  onError(error: Error): void {
    this.inner?.onResponseError?.(this.#controllerOrNull, error)
  }

  /** undici passes null for a request that failed before it had a controller. */
  get #controllerOrNull(): Controller {
    return (this.#controller ?? null) as unknown as Controller
  }
}

/** The controller that a handler of undici 7 and 8 expects. It uses the functions that undici 5 and 6 pass. */
class LegacyController {
  aborted = false
  paused = false
  reason: Error | null = null
  onResume: (() => void) | undefined
  /** The fetch of undici 8 reads this. */
  rawHeaders: Buffer[] = []
  rawTrailers: Buffer[] = []
  readonly #abort: (reason?: Error) => void

  constructor(abort: (reason?: Error) => void) {
    this.#abort = abort
  }

  abort(reason: Error): void {
    if (this.aborted) return
    this.aborted = true
    this.reason = reason
    this.#abort(reason)
  }

  pause(): void {
    this.paused = true
  }

  resume(): void {
    if (!this.paused) return
    this.paused = false
    this.onResume?.()
  }
}

function headersOf(raw: readonly Buffer[]): Headers {
  const headers: Headers = Object.create(null) as Headers
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = String(raw[at]).toLowerCase()
    const value = raw[at + 1]?.toString('latin1') ?? ''
    const known = headers[name]
    if (known === undefined) headers[name] = value
    else headers[name] = [known, value].flat()
  }
  return headers
}
