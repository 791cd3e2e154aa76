import type { Clock } from '../clock.ts'
import type { Instance } from '../registry/source.ts'
import { nextCallId } from './call-id.ts'
import { callChannel } from './channels.ts'
import type { CallMessage } from './channel-messages.ts'
import type { CallEvent, CallOutcome, CallStartEvent, ClientEvents, Door, ServiceEvent } from './events.ts'
import type { Emitter } from './emitter.ts'
import { captureScope, type Scope } from './scope.ts'
import { Trail, type TrailContext } from './trail.ts'

/** What is known of a call when it begins. */
export interface CallSubject {
  readonly door: Door
  readonly route: string | undefined
  readonly method: string | undefined
  readonly path: string | undefined
}

/** How a call ended. */
export interface CallResult {
  readonly outcome: CallOutcome
  readonly status?: number | undefined
  readonly error?: unknown
  /** Of its last try. */
  readonly trail?: Trail | undefined
  readonly deadline?: 'total' | 'caller' | undefined
  /** Its answer is that to another caller's request, which tells of its body. */
  readonly coalesced?: true
}

/** What a journal needs of its client. */
export interface JournalContext {
  readonly service: string
  readonly clock: Clock
  readonly events: Emitter<ClientEvents>
  stamp(): ServiceEvent
  redacted(path: string | undefined): string | undefined
}

/** What one call has to tell; made only when somebody listens, or when user code is to run in the call's context. */
export class Journal implements TrailContext {
  readonly id: string = nextCallId()
  readonly begunAt: number
  discovery = 0
  queue = 0
  backoff = 0
  attempts = 0
  hedges = 0
  retriesDenied: 'budget' | 'breaker' | undefined
  scope: Scope
  readonly #context: JournalContext
  readonly #subject: CallSubject
  #message: CallMessage | undefined
  #isTold = false

  constructor(context: JournalContext, subject: CallSubject) {
    this.#context = context
    this.#subject = subject
    this.begunAt = context.clock.now()
    this.scope = captureScope()
  }

  /** Milliseconds since the call began. */
  get age(): number {
    return this.#context.clock.now() - this.begunAt
  }

  get events(): Emitter<ClientEvents> {
    return this.#context.events
  }

  /** Runs the part of the call that is synchronous, where a subscriber wants it run. */
  trace<T>(run: () => T): T {
    const { events } = this
    const { hasSubscribers } = callChannel
    if (!hasSubscribers && !events.has('call:start')) return run()
    const message: CallMessage = this.describe()
    this.#message = message
    if (!hasSubscribers) {
      events.emit('call:start', message)
      return run()
    }
    try {
      return callChannel.start.runStores(message, () => {
        this.scope = captureScope()
        events.emit('call:start', message)
        return run()
      })
    } finally {
      callChannel.end.publish(message)
    }
  }

  /** For one more attempt. */
  trail(instance: Instance, hedge: boolean): Trail {
    this.attempts++
    if (hedge) this.hedges++
    return new Trail(this, instance, hedge)
  }

  /** Its caller has left, and others go on with the request: this is how his call ended. */
  leave(result: CallResult): void {
    if (!this.#isTold) this.scope.runInAsyncScope(() => this.#tell(result))
  }

  /** The call is over; its answer's body may still come. */
  end(result: CallResult): void {
    this.scope.runInAsyncScope(() => this.#end(result))
  }

  #end(result: CallResult): void {
    if (!this.#isTold) this.#tell(result)
    const { trail } = result
    if (result.coalesced) return
    if (!trail || result.error !== undefined) this.#bodyOver(0, false)
    else trail.whenOver(() => this.scope.runInAsyncScope(() => this.#bodyOver(trail.bytes, trail.truncated)))
  }

  #tell(result: CallResult): void {
    this.#isTold = true
    const { events } = this
    if (!events.has('call') && !this.#message) return
    const event = this.#event(result)
    events.emit('call', event)
    if (this.#message) this.#publish(this.#message, event)
  }

  #publish(message: CallMessage, event: CallEvent): void {
    message.event = event
    if (event.error !== undefined) {
      message.error = event.error
      callChannel.error.publish(message)
    }
    callChannel.asyncStart.publish(message)
    callChannel.asyncEnd.publish(message)
  }

  #bodyOver(bytes: number, truncated: boolean): void {
    const { events } = this
    if (!events.has('call:end')) return
    const { door, route } = this.#subject
    const { id, age: duration } = this
    const tale = { ...this.#context.stamp(), id, door, bytes, truncated, duration }
    events.emit('call:end', route === undefined ? tale : { ...tale, route })
  }

  #event({ outcome, status, error, trail, deadline, coalesced }: CallResult): CallEvent {
    const { connect, firstByte, instance } = trail ?? {}
    const { door, route, method } = this.#subject
    const path = this.#context.redacted(this.#subject.path)
    return {
      ...this.#context.stamp(),
      id: this.id,
      door,
      ...(route !== undefined && { route }),
      ...(method !== undefined && { method }),
      ...(path !== undefined && { path }),
      outcome,
      ...(status !== undefined && { status }),
      ...(error !== undefined && { error }),
      ...(instance && { instance }),
      ...(coalesced && { coalesced }),
      attempts: this.attempts,
      hedges: this.hedges,
      duration: this.age,
      discovery: this.discovery,
      queue: this.queue,
      backoff: this.backoff,
      ...(connect !== undefined && { connect }),
      ...(firstByte !== undefined && { firstByte }),
      ...(this.retriesDenied !== undefined && { retriesDenied: this.retriesDenied }),
      ...(deadline !== undefined && { deadline }),
    }
  }

  /** What each of its messages says. */
  describe(): CallStartEvent {
    const { door, route, method } = this.#subject
    const { service } = this.#context
    const path = this.#context.redacted(this.#subject.path)
    return {
      ...this.#context.stamp(),
      id: this.id,
      door,
      ...(route !== undefined && { route }),
      ...(method !== undefined && { method }),
      ...(path !== undefined && { path, url: `http://${service}${path}` }),
    }
  }
}
