import { runWithin } from '../hooks/within.ts'
import type { Instance } from '../registry/source.ts'
import { attemptChannel } from './channels.ts'
import type { AttemptMessage } from './channel-messages.ts'
import type { Emitter } from './emitter.ts'
import type { AttemptEvent, CallStartEvent, ClientEvents, Outcome } from './events.ts'
import { captureScope, type Scope } from './scope.ts'

/** What a trail needs from its call. */
export interface TrailContext {
  readonly id: string
  readonly scope: Scope
  readonly events: Emitter<ClientEvents>
  describe(): CallStartEvent
}

/** How an attempt ended. */
export interface TrailEnd {
  readonly outcome: Outcome | undefined
  readonly status: number | undefined
  readonly error: unknown
}

/**
 * Collects what the events of one attempt report, besides its outcome. It exists only if something listens to the call.
 */
export class Trail {
  readonly id: string
  readonly instance: Instance
  readonly hedge: boolean
  /** The async context of its user code: the call's, or one that a subscriber has set up for this attempt. */
  scope: Scope
  /** Milliseconds from the start of the attempt until its request was on a connection. */
  connect: number | undefined
  /** Milliseconds from that moment until the response headers. */
  firstByte: number | undefined
  /** Set by a call that consists of this attempt only. */
  onEnd: ((end: TrailEnd) => void) | undefined
  bytes = 0
  truncated = false
  readonly #context: TrailContext
  #message: AttemptMessage | undefined
  #body: 'none' | 'open' | 'over' | 'left' = 'none'
  #onOver: (() => void) | undefined

  constructor(context: TrailContext, instance: Instance, hedge = false) {
    this.#context = context
    this.id = context.id
    this.instance = instance
    this.hedge = hedge
    this.scope = context.scope
  }

  /** Makes the trail of the attempt that follows a redirect. */
  onward(instance: Instance): Trail {
    return new Trail(this.#context, instance, this.hedge)
  }

  /** True if a channel subscriber needs the end of the attempt, even if no listener does. */
  get isTraced(): boolean {
    return this.#message !== undefined
  }

  /**
   * Sends the attempt in the async context that a subscriber or listener sets up. Before that, it may add request
   * headers.
   */
  trace<T>(attempt: number, send: () => T): T {
    const { events } = this.#context
    const { hasSubscribers } = attemptChannel
    if (!hasSubscribers && !events.has('attempt:start')) return send()
    const { instance, hedge } = this
    const message: AttemptMessage = { ...this.#context.describe(), attempt, hedge, instance, headers: {} }
    this.#message = message
    const begin = (): T => {
      events.emit('attempt:start', message)
      return runWithin(message.within, () => {
        this.scope = captureScope()
        return send()
      })
    }
    if (!hasSubscribers) return begin()
    try {
      return attemptChannel.start.runStores(message, begin)
    } finally {
      attemptChannel.end.publish(message)
    }
  }

  /** Hands the request to undici, in the async context that a listener has set in `sendWithin`. */
  dispatch(dispatch: () => boolean): boolean {
    return runWithin(this.#message?.sendWithin, dispatch)
  }

  /** Publishes the end of the attempt on the tracing channel. */
  ended(event: AttemptEvent): void {
    const message = this.#message
    if (!message) return
    message.event = event
    if (event.error !== undefined) {
      message.error = event.error
      attemptChannel.error.publish(message)
    }
    attemptChannel.asyncStart.publish(message)
    attemptChannel.asyncEnd.publish(message)
  }

  /** The request headers that subscribers and listeners have added. */
  get headers(): Readonly<Record<string, string>> | undefined {
    return this.#message?.headers
  }

  answered(age: number): void {
    if (this.connect !== undefined) this.firstByte = age - this.connect
  }

  bodyBegan(): void {
    if (this.#body === 'none') this.#body = 'open'
  }

  bodyOver(truncated: boolean): void {
    if (this.#body !== 'open') return
    this.#body = 'over'
    this.truncated = truncated
    this.#onOver?.()
  }

  /** The call has gone on to another response, such as that of a redirect target. */
  left(): void {
    this.#body = 'left'
    this.bytes = 0
  }

  /** Calls `onOver` when the body has ended, or immediately if no body is open. */
  whenOver(onOver: () => void): void {
    if (this.#body === 'open') this.#onOver = onOver
    else onOver()
  }
}
