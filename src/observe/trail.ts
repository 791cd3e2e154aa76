import { runWithin } from '../hooks/within.ts'
import type { Instance } from '../registry/source.ts'
import { attemptChannel } from './channels.ts'
import type { AttemptMessage } from './channel-messages.ts'
import type { Emitter } from './emitter.ts'
import type { AttemptEvent, CallStartEvent, ClientEvents, Outcome } from './events.ts'
import { captureScope, type Scope } from './scope.ts'

/** What an attempt needs of its call. */
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

/** What one attempt has to tell besides its outcome; made only for calls that somebody hears of. */
export class Trail {
  readonly id: string
  readonly instance: Instance
  readonly hedge: boolean
  /** Where its user code runs: the call's scope, or one that a subscriber has set up for this attempt. */
  scope: Scope
  /** Milliseconds from its start until its request was on a connection. */
  connect: number | undefined
  /** Milliseconds from there to the headers of the answer. */
  firstByte: number | undefined
  /** For an attempt that is a call by itself. */
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

  /** That of the attempt which follows a redirect. */
  onward(instance: Instance): Trail {
    return new Trail(this.#context, instance, this.hedge)
  }

  /** Whether its end is to be told, though nobody listens to the event. */
  get isTraced(): boolean {
    return this.#message !== undefined
  }

  /** Sends it where a subscriber wants it sent; he may add headers to its request before. */
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

  /** Hands its request to undici, where a subscriber wants that done. */
  dispatch(dispatch: () => boolean): boolean {
    return runWithin(this.#message?.sendWithin, dispatch)
  }

  /** Its outcome is known. */
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

  /** Request headers that a subscriber has added. */
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

  /** Somebody has gone on from this answer, to another one. */
  left(): void {
    this.#body = 'left'
    this.bytes = 0
  }

  /** Calls `onOver` once there is nothing more to come: at once, if there is nothing. */
  whenOver(onOver: () => void): void {
    if (this.#body === 'open') this.#onOver = onOver
    else onOver()
  }
}
