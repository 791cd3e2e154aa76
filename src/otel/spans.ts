import {
  context,
  propagation,
  SpanKind,
  SpanStatusCode,
  trace,
  type Attributes,
  type Context,
  type Span,
  type Tracer,
} from '@opentelemetry/api'
import type { AttemptEvent, AttemptStartEvent, CallEvent, CallStartEvent } from '../observe/events.ts'
import { attemptAttributes, attemptKind, attemptName, callAttributes } from './attributes.ts'
import { SendingContext } from './context.ts'
import { errorType, statusError } from './error-type.ts'
import { isA } from '../hooks/thrown.ts'

interface Attempt {
  readonly number: number
  readonly span: Span
  readonly context: Context
}

/** One call in progress. */
interface Call {
  readonly start: CallStartEvent
  /** The context of the caller. */
  readonly parent: Context
  /** The span of the call. Set when the call makes a second attempt. */
  span: Span | undefined
  started: number
  first: Attempt | undefined
  last: Attempt | undefined
  /** The attempts in progress: usually one, more with hedges. */
  readonly open: Attempt[]
  isOver: boolean
}

/**
 * Makes a span for each attempt. A call has an additional span around them if it makes a second attempt or is
 * refused. Most calls have one attempt, and so one span.
 */
export class Spans {
  readonly #tracer: Tracer
  readonly #calls = new Map<string, Call>()

  constructor(tracer: Tracer) {
    this.#tracer = tracer
  }

  /** The number of calls in progress, so that tests can detect leaks. */
  get size(): number {
    return this.#calls.size
  }

  callStarted(start: CallStartEvent): void {
    this.#calls.set(start.id, newCall(start))
  }

  attemptStarted(start: AttemptStartEvent): void {
    const call = this.#calls.get(start.id)
    if (!call) return
    if (call.first) call.span ??= this.#startCall(call, call.first)
    const parent = this.#contextOf(call)
    const isRace = start.hedge && call.first !== undefined
    const span = this.#tracer.startSpan(
      attemptName(start),
      {
        kind: attemptKind(start),
        attributes: attemptAttributes(start, call.started),
        ...(isRace && call.first && { links: [{ context: call.first.span.spanContext() }] }),
      },
      parent,
    )
    const attempt = { number: start.attempt, span, context: trace.setSpan(parent, span) }
    call.started++
    call.first ??= attempt
    call.last = attempt
    call.open.push(attempt)
    start.within = (run) => context.with(attempt.context, run)
    const sending = new SendingContext(attempt.context)
    start.sendWithin = (run) => context.with(sending, run)
    propagation.inject(attempt.context, start.headers)
  }

  /** Ends the span of the attempt. Returns its context, if the attempt has a span. */
  attemptEnded(event: AttemptEvent): Context | undefined {
    const call = this.#calls.get(event.id)
    const attempt = call?.open.find(({ number }) => number === event.attempt)
    if (!call || !attempt) return undefined
    call.open.splice(call.open.indexOf(attempt), 1)
    this.#deleteIfOver(call)
    const { status, error, outcome, cancelled } = event
    finish(attempt.span, {
      status,
      error: cancelled ? undefined : error,
      attributes: { 'outrigger.outcome': outcome, ...(cancelled && { 'outrigger.cancelled': true }) },
    })
    return attempt.context
  }

  /** Ends the call. Returns the context of the span with the most information. */
  callEnded(event: CallEvent): Context | undefined {
    const call = event.coalesced ? this.#joined(event) : this.#calls.get(event.id)
    if (!call) return undefined
    call.isOver = true
    this.#deleteIfOver(call)
    if (!call.first || (event.outcome === 'refused' && !call.span))
      call.span ??= this.#startCall(call, call.first)
    const { status, error, outcome, attempts, hedges, retriesDenied, notRetried, coalesced } = event
    const isCancelled = outcome === 'aborted'
    if (call.span) {
      finish(call.span, {
        status,
        error: isCancelled ? undefined : error,
        attributes: {
          'outrigger.outcome': outcome,
          'outrigger.attempts': attempts,
          ...(hedges > 0 && { 'outrigger.hedges': hedges }),
          ...(coalesced && { 'outrigger.coalesced': true }),
          ...(retriesDenied !== undefined && { 'outrigger.retries_denied': retriesDenied }),
          ...(notRetried !== undefined && { 'outrigger.not_retried': notRetried }),
          ...(isCancelled && { 'outrigger.cancelled': true }),
        },
      })
    }
    return call.span ? this.#contextOf(call) : call.last?.context
  }

  /** Ends all open spans, because no further event will end them. */
  stop(): void {
    for (const { span, open } of this.#calls.values()) {
      for (const attempt of open) attempt.span.end()
      span?.end()
    }
    this.#calls.clear()
  }

  /**
   * Makes the span of the call with the start time of the call. It is made late because only now is it known
   * that the call needs one.
   */
  #startCall({ start, parent }: Call, first: Attempt | undefined): Span {
    const { method, route } = start
    const links = first ? [{ context: first.span.spanContext() }] : []
    const options = { kind: SpanKind.INTERNAL, startTime: start.at, links, attributes: callAttributes(start) }
    return this.#tracer.startSpan(['call', route ?? method].join(' ').trimEnd(), options, parent)
  }

  /** The call joined the request of another caller, so this is its only event. */
  #joined(event: CallEvent): Call {
    return newCall({ ...event, at: event.at - event.duration })
  }

  #contextOf({ span, parent }: Call): Context {
    return span ? trace.setSpan(parent, span) : parent
  }

  /** A timeout of the caller may end a call before its attempt. */
  #deleteIfOver({ start, open, isOver }: Call): void {
    if (isOver && open.length === 0) this.#calls.delete(start.id)
  }
}

function newCall(start: CallStartEvent): Call {
  return {
    start,
    parent: context.active(),
    span: undefined,
    started: 0,
    first: undefined,
    last: undefined,
    open: [],
    isOver: false,
  }
}

interface End {
  readonly status: number | undefined
  readonly error: unknown
  readonly attributes: Attributes
}

function finish(span: Span, { status, error, attributes }: End): void {
  span.setAttributes(attributes)
  if (status !== undefined) span.setAttribute('http.response.status_code', status)
  const type = error === undefined ? statusError(status) : errorType(error)
  if (type !== undefined) {
    span.setAttribute('error.type', type)
    const message = isA(error, Error) ? error.message : undefined
    span.setStatus({ code: SpanStatusCode.ERROR, ...(message !== undefined && { message }) })
    if (isA(error, Error)) span.recordException(error)
  }
  span.end()
}
