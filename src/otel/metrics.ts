import type { Attributes, Context, Counter, Histogram, Meter } from '@opentelemetry/api'
import type {
  AttemptEvent,
  BreakerEvent,
  CallEvent,
  CallHedgeEvent,
  CallRetryEvent,
  MirrorDroppedEvent,
  MirrorEvent,
} from '../observe/events.ts'
import { BoundedLabel, DURATION_BUCKETS, idLabel } from '../observe/labels.ts'
import { hostOf, knownMethod, schemeOf, serverOf, templateOf } from './attributes.ts'
import { errorType, statusError } from './error-type.ts'

/** The metrics that are recorded when events occur. */
export class Metrics {
  readonly #duration: Histogram
  readonly #execute: Histogram
  readonly #attempts: Counter
  readonly #retries: Counter
  readonly #hedges: Counter
  readonly #refusals: Counter
  readonly #transitions: Counter
  readonly #copies: Counter
  readonly #byInstance: boolean
  readonly #templates = new BoundedLabel()
  readonly #errors = new BoundedLabel()

  constructor(meter: Meter, byInstance: boolean) {
    this.#byInstance = byInstance
    const seconds = (name: string, description: string): Histogram =>
      meter.createHistogram(name, {
        description,
        unit: 's',
        advice: { explicitBucketBoundaries: [...DURATION_BUCKETS] },
      })
    const counter = (name: string, unit: string, description: string): Counter =>
      meter.createCounter(`outrigger.client.${name}`, { unit, description })
    this.#duration = seconds(
      'http.client.request.duration',
      'Duration of HTTP client requests: calls, from their start to the headers of the response.',
    )
    this.#execute = seconds('outrigger.client.execute.duration', 'Duration of calls through execute().')
    this.#attempts = counter('attempts', '{attempt}', 'Attempts on instances, by outcome.')
    this.#retries = counter('retries', '{retry}', 'Attempts that were followed by a retry.')
    this.#hedges = counter(
      'hedges',
      '{hedge}',
      'Hedges: additional attempts while a slow one is in progress.',
    )
    this.#refusals = counter('refusals', '{call}', 'Calls that were refused, by the code of the error.')
    this.#transitions = counter('breaker.transitions', '{transition}', 'State changes of breakers.')
    this.#copies = counter('mirror.copies', '{copy}', 'Copies of requests that have ended or were dropped.')
  }

  /** `within` is the context of the call's span, for exemplars. */
  call(event: CallEvent, within: Context): void {
    const { service, route, method, status, error, outcome, duration, instance } = event
    const type = error === undefined ? statusError(status) : this.#errors.of(errorType(error))
    const attributes: Attributes = { ...serverOf(service, instance ? schemeOf(instance) : 'http') }
    if (route !== undefined) attributes['url.template'] = this.#template(route)
    if (method !== undefined) attributes['http.request.method'] = knownMethod(method)
    if (status !== undefined) attributes['http.response.status_code'] = status
    if (type !== undefined && outcome !== 'aborted') attributes['error.type'] = type
    attributes['outrigger.outcome'] = outcome
    const histogram = method === undefined ? this.#execute : this.#duration
    histogram.record(duration / 1000, attributes, within)
    if (outcome !== 'refused') return
    this.#refusals.add(
      1,
      { ...this.#about(event), ...(type !== undefined && { 'error.type': type }) },
      within,
    )
  }

  attempt(event: AttemptEvent, within: Context): void {
    const { outcome, instance } = event
    const attributes = this.#about(event)
    attributes['outrigger.outcome'] = outcome
    if (this.#byInstance) attributes['outrigger.instance.id'] = idLabel(instance.id)
    this.#attempts.add(1, attributes, within)
  }

  retry(event: CallRetryEvent): void {
    this.#retries.add(1, this.#about(event))
  }

  hedge(event: CallHedgeEvent): void {
    this.#hedges.add(1, this.#about(event))
  }

  transition({ service, to }: BreakerEvent): void {
    this.#transitions.add(1, { 'server.address': hostOf(service), 'outrigger.breaker.state': to })
  }

  copy(event: MirrorDroppedEvent, outcome: MirrorEvent['outcome'] | 'dropped'): void {
    this.#copies.add(1, { ...this.#about(event), 'outrigger.outcome': outcome })
  }

  #about({ service, route }: { readonly service: string; readonly route?: string }): Attributes {
    const attributes: Attributes = { 'server.address': hostOf(service) }
    if (route !== undefined) attributes['url.template'] = this.#template(route)
    return attributes
  }

  #template(route: string): string {
    return this.#templates.of(templateOf(route))
  }
}
