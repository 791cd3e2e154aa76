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
import { captureScope, nobody, type Scope } from './scope.ts'
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

/** What one call has to tell; made only when somebody listens or watches, or when user code is to run in the call's context. */
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
  readonly #isHeard: boolean
  readonly #context: JournalContext
  readonly #subject: CallSubject
  #message: CallMessage | undefined
  #isTold = false

  /** `isHeard`: whether anybody may hear of more than that it was, and in the call's own context. */
  constructor(context: JournalContext, subject: CallSubject, isHeard: boolean) {
    this.#context = context
    this.#subject = subject
    this.#isHeard = isHeard
    this.begunAt = context.clock.now()
    this.scope = isHeard ? captureScope() : nobody
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

  /** Runs the part of the call that is synchronous, where a subscriber wants it run. */
  trace<T>(run: () => T): T {
    const { events } = this
    const { hasSubscribers } = callChannel
    if (!this.#isHeard || (!hasSubscribers && !events.has('call:start'))) return run()
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

  /** For one more attempt; undefined when it has nothing to tell. */
  trail(instance: Instance, hedge: boolean): Trail | undefined {
    this.attempts++
    if (hedge) this.hedges++
    return this.#isHeard ? new Trail(this, instance, hedge) : undefined
  }

  /** For the only attempt of a call, which ends with it. */
  onlyTrail(instance: Instance): Trail {
    this.attempts++
    return new Trail(this, instance)
  }

  /** Its caller has left, and others go on with the request: this is how his call ended. */
  leave(result: CallResult): void {
    if (this.#isTold) return
    if (this.#isHeard) this.scope.runInAsyncScope(() => this.#tell(result))
    else this.#count(result)
  }

  /** The call is over; its answer's body may still come. */
  end(result: CallResult): void {
    if (this.#isHeard) this.scope.runInAsyncScope(() => this.#end(result))
    else if (!this.#isTold) this.#count(result)
  }

  #end(result: CallResult): void {
    if (!this.#isTold) this.#tell(result)
    const { trail } = result
    if (result.coalesced || !this.events.has('call:end')) return
    if (!trail || result.error !== undefined) this.#bodyOver(0, false)
    else trail.whenOver(() => this.scope.runInAsyncScope(() => this.#bodyOver(trail.bytes, trail.truncated)))
  }

  #count({ outcome }: CallResult): void {
    this.#isTold = true
    const { watchers } = this.events
    if (!watchers) return
    const { service } = this.#context
    const { age } = this
    for (const watcher of watchers) watcher.call(service, this.#subject.route, outcome, age)
  }

  #tell(result: CallResult): void {
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
    const tale = { ...this.#context.stamp(), id, door, bytes, truncated, duration }
    events.emit('call:end', route === undefined ? tale : { ...tale, route })
  }

  #event({ outcome, status, error, trail, deadline, coalesced }: CallResult): CallEvent {
    const { connect, firstByte, instance } = trail ?? {}
    const { door, route, method } = this.#subject
    const path = this.#context.redacted(this.#subject.path)
    const { service, at } = this.#context.stamp()
    const { id, attempts, hedges, age: duration, discovery, queue, backoff, retriesDenied, notRetried } = this
    const counts = { attempts, hedges, duration, discovery, queue, backoff }
    // Assignments: a spread for each member that may be absent costs an object each, at every call.
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
