import type { Clock } from '../clock.ts'
import type { Instance } from '../registry/source.ts'
import { nextCallId } from './call-id.ts'
import { callChannel } from './channels.ts'
import type { CallMessage } from './channel-messages.ts'
import type {
  CallEvent,
  CallOutcome,
  CallStartEvent,
  ClientEvents,
  Door,
  NotRetried,
  ServiceEvent,
} from './events.ts'
import type { Emitter } from './emitter.ts'
import { captureScope, outsideCalls, type Scope } from './scope.ts'
import { Trail, type TrailContext } from './trail.ts'
import type { Writable } from './writable.ts'

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
  /** The trail of its last try. */
  readonly trail?: Trail | undefined
  readonly deadline?: 'total' | 'caller' | undefined
  /** True if the call shares the response to another caller's request. The events of that request report the body. */
  readonly coalesced?: true
}

/** What a journal needs from its client. */
export interface JournalContext {
  readonly service: string
  readonly clock: Clock
  readonly events: Emitter<ClientEvents>
  stamp(): ServiceEvent
  redacted(path: string | undefined): string | undefined
}

/**
 * Collects what the events of one call report. It exists only if something listens or watches, or if user code must run
 * in the call's async context.
 */
export class Journal implements TrailContext {
  readonly begunAt: number
  discovery = 0
  queue = 0
  backoff = 0
  attempts = 0
  hedges = 0
  retriesDenied: 'budget' | 'breaker' | undefined
  notRetried: NotRetried | undefined
  scope: Scope
  #id: string | undefined
  readonly #needsEvents: boolean
  readonly #context: JournalContext
  readonly #subject: CallSubject
  #message: CallMessage | undefined
  #isReported = false

  /**
   * `needsEvents` is false if only watchers observe the call. Then the journal counts it, but makes no events and captures
   * no async context.
   */
  constructor(context: JournalContext, subject: CallSubject, needsEvents: boolean) {
    this.#context = context
    this.#subject = subject
    this.#needsEvents = needsEvents
    this.begunAt = context.clock.now()
    this.scope = needsEvents ? captureScope() : outsideCalls
  }

  get id(): string {
    return (this.#id ??= nextCallId())
  }

  /** Milliseconds since the call began. */
  get age(): number {
    return this.#context.clock.now() - this.begunAt
  }

  get events(): Emitter<ClientEvents> {
    return this.#context.events
  }

  /** Runs the synchronous part of the call, in the async context that a channel subscriber has set up. */
  trace<T>(run: () => T): T {
    const { events } = this
    const { hasSubscribers } = callChannel
    if (!this.#needsEvents || (!hasSubscribers && !events.has('call:start'))) return run()
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

  /** Counts one more attempt. Returns undefined if nothing listens to it. */
  trail(instance: Instance, hedge: boolean): Trail | undefined {
    this.attempts++
    if (hedge) this.hedges++
    return this.#needsEvents ? new Trail(this, instance, hedge) : undefined
  }

  /** Counts the only attempt of a call that ends together with it. */
  onlyTrail(instance: Instance): Trail {
    this.attempts++
    return new Trail(this, instance)
  }

  /** The caller has left, but other callers still wait for the request. Reports how the call ended for this caller. */
  leave(result: CallResult): void {
    if (this.#isReported) return
    if (this.#needsEvents) this.scope.runInAsyncScope(() => this.#report(result))
    else this.#count(result)
  }

  /** The call has ended. The response body may still follow. */
  end(result: CallResult): void {
    if (this.#needsEvents) this.scope.runInAsyncScope(() => this.#end(result))
    else if (!this.#isReported) this.#count(result)
  }

  #end(result: CallResult): void {
    if (!this.#isReported) this.#report(result)
    const { trail } = result
    if (result.coalesced || !this.events.has('call:end')) return
    if (!trail || result.error !== undefined) this.#bodyOver(0, false)
    else trail.whenOver(() => this.scope.runInAsyncScope(() => this.#bodyOver(trail.bytes, trail.truncated)))
  }

  #count({ outcome }: CallResult): void {
    this.#isReported = true
    const { watchers } = this.events
    if (!watchers) return
    const { service } = this.#context
    const { age } = this
    const { route, method } = this.#subject
    for (const watcher of watchers) watcher.call(service, route, method, outcome, age)
  }

  #report(result: CallResult): void {
    this.#count(result)
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
    const payload = { ...this.#context.stamp(), id, door, bytes, truncated, duration }
    events.emit('call:end', route === undefined ? payload : { ...payload, route })
  }

  #event({ outcome, status, error, trail, deadline, coalesced }: CallResult): CallEvent {
    const { connect, firstByte, instance } = trail ?? {}
    const { door, route, method } = this.#subject
    const path = this.#context.redacted(this.#subject.path)
    const { service, at } = this.#context.stamp()
    const { id, attempts, hedges, age: duration, discovery, queue, backoff, retriesDenied, notRetried } = this
    const counts = { attempts, hedges, duration, discovery, queue, backoff }
    // Assignments are cheaper here: a spread for each member that may be absent would create an object per call.
    const event: Writable<CallEvent> = { service, at, id, door, outcome, ...counts }
    if (route !== undefined) event.route = route
    if (method !== undefined) event.method = method
    if (path !== undefined) event.path = path
    if (status !== undefined) event.status = status
    if (error !== undefined) event.error = error
    if (instance) event.instance = instance
    if (coalesced) event.coalesced = coalesced
    if (connect !== undefined) event.connect = connect
    if (firstByte !== undefined) event.firstByte = firstByte
    if (retriesDenied !== undefined) event.retriesDenied = retriesDenied
    if (notRetried !== undefined) event.notRetried = notRetried
    if (deadline !== undefined) event.deadline = deadline
    return event
  }

  /** Returns what all messages of the call have in common. */
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
