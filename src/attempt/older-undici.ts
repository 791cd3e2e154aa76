import { Dispatcher } from '../undici.ts'
import { Relay } from './relay.ts'

type Handler = Dispatcher.DispatchHandler
type Controller = Dispatcher.DispatchController
type Headers = Record<string, string | string[]>

/** A dispatcher of the user's own, which may be one of undici 5 or 6: those call handlers by other methods. */
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

/** Whether it is of the undici that we import. */
function isFromOurUndici(dispatcher: unknown): boolean {
  return dispatcher instanceof Dispatcher
}

/** Has the methods of both generations, each of which calls its own. Those of undici 7 and 8 are the relay's. */
class AnyUndiciHandler extends Relay {
  #controller: LegacyController | undefined

  // undici 5 and 6.

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

  /** undici passes null for what failed before it had a controller. */
  get #controllerOrNull(): Controller {
    return (this.#controller ?? null) as unknown as Controller
  }
}

/** What undici 7 and 8 give to a handler, over the functions that 5 and 6 give. */
class LegacyController {
  aborted = false
  paused = false
  reason: Error | null = null
  onResume: (() => void) | undefined
  /** What fetch of undici 8 reads. */
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
