import type { Dispatcher } from '../undici.ts'

type Handler = Dispatcher.DispatchHandler
type Controller = Dispatcher.DispatchController
type Headers = Parameters<NonNullable<Handler['onResponseStart']>>[2]

/**
 * A handler of undici 7 and 8 that passes each call on to another handler. Subclasses override the methods that they
 * need.
 */
export class Relay implements Handler {
  /** The other handler. If undefined, nothing is passed on. */
  protected inner: Handler | undefined
  /** What the other handler threw when it got a response. undici fails the request with this error. */
  protected handlerError: unknown = undefined

  constructor(inner: Handler | undefined) {
    this.inner = inner
  }

  onRequestStart(controller: Controller, context: unknown): void {
    this.inner?.onRequestStart?.(controller, context)
  }

  onRequestUpgrade(...args: Parameters<NonNullable<Handler['onRequestUpgrade']>>): void {
    this.inner?.onRequestUpgrade?.(...args)
  }

  onResponseStart(controller: Controller, status: number, headers: Headers, message?: string): void {
    try {
      this.inner?.onResponseStart?.(controller, status, headers, message)
    } catch (error) {
      this.handlerError = error
      throw error
    }
  }

  onResponseStarted(): void {
    this.inner?.onResponseStarted?.()
  }

  onResponseData(controller: Controller, chunk: Buffer): void {
    try {
      this.inner?.onResponseData?.(controller, chunk)
    } catch (error) {
      this.handlerError = error
      throw error
    }
  }

  onResponseEnd(
    controller: Controller,
    trailers: Parameters<NonNullable<Handler['onResponseEnd']>>[1],
  ): void {
    this.inner?.onResponseEnd?.(controller, trailers)
  }

  onResponseError(controller: Controller, error: Error): void {
    this.inner?.onResponseError?.(controller, error)
  }

  onBodySent(chunk: Buffer): void {
    this.inner?.onBodySent?.(chunk)
  }

  onRequestSent(): void {
    this.inner?.onRequestSent?.()
  }
}
