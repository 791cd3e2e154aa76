import type { Balancer, Standing } from '../balance/balancer.ts'
import type { Core } from '../call/core.ts'
import type { Plan } from '../call/plan.ts'
import type { Choices } from '../fleet/availability.ts'
import type { LiveEndpoint } from '../fleet/endpoint.ts'
import { stateOf } from '../fleet/states.ts'
import { asked } from '../hooks/asked.ts'
import { mirrorSnapshot } from '../mirror/snapshot.ts'
import type { CheckFailure, InstanceState } from '../observe/events.ts'
import { quote } from '../quote.ts'
import type { Subset } from '../traffic/subset.ts'
import { isIdempotent } from '../verdict/again.ts'
import type { Explanation, InstanceExplanation, PlanExplanation } from './explanation.ts'
import { table } from './table.ts'

export interface ExplainContext {
  readonly core: Core
  readonly plan: Plan
  readonly method: string | undefined
  readonly hasIdempotencyKey: boolean
  /** The instances that the call may go to; undefined means all. */
  readonly subset: Subset | undefined
  /** Returns why something was done to an instance by hand, in words. Undefined if it was not. */
  readonly byHand: (
    endpoint: LiveEndpoint,
    kind: 'isolated' | 'draining' | 'weight' | 'open',
  ) => string | undefined
  /** The options that were set by documents, each with the name of the document's source. */
  readonly setBy: Readonly<Record<string, string>>
}

export function explain(context: ExplainContext): Explanation {
  const { core, plan, method, subset, setBy } = context
  const { service, discovery, fleet, clock } = core
  const now = clock.now()
  const choices = fleet.availability.choices(plan.guard, subset)
  const instances = fleet.endpoints.map((endpoint) => explainInstance(endpoint, choices, now, context))
  const data = {
    service,
    at: now + (clock.epoch ?? 0),
    ...(plan.route && { route: plan.route.key }),
    ...(method !== undefined && { method }),
    ...(subset && { subset: subset.name }),
    ready: discovery.seen,
    ...(discovery.error !== undefined && { sourceError: quote(discovery.error) }),
    available: instances.filter(({ mayBePicked }) => mayBePicked).length,
    instances,
    plan: explainPlan(context),
    budget: core.budget.left,
    limits: plan.limiters.map(({ limit, inFlight, queued }) => ({ limit, inFlight, queued })),
    ...(plan.mirror && { mirror: mirrorSnapshot(plan.mirror, fleet.endpoints) }),
    ...(Object.keys(setBy).length > 0 && { setBy }),
    ...(plan.throttle && { throttled: plan.throttle.probability(plan.priority) }),
  }
  return Object.defineProperty(data, 'toString', { value: () => table(data), enumerable: false })
}

function explainInstance(
  endpoint: LiveEndpoint,
  choices: Choices,
  now: number,
  { core, plan, subset, byHand }: ExplainContext,
): InstanceExplanation {
  const state = stateOf(endpoint, plan.guard, now, core.fleet.perInstance)
  const { instance, inFlight, latency } = endpoint
  const openFor = endpoint.admitsAt(plan.guard, now) - now
  const pausedFor = endpoint.penalisedUntil - now
  const { balancer, perInstance } = core.fleet
  const { cost, otherSubset = !isWithin(subset, endpoint) } = standingOf(balancer, endpoint, now)
  const mayBePicked = choices.endpoints.has(endpoint) && !otherSubset
  const why: Record<InstanceState, string> = {
    available: otherSubset
      ? 'in another subset'
      : mayBePicked
        ? 'may be picked'
        : 'new, its connections are being opened',
    open:
      endpoint.isolatedUntil > now
        ? `isolated ${byHand(endpoint, 'isolated') ?? 'by hand'}`
        : openFor === Infinity
          ? 'its breaker is open until it is reset'
          : [`open for ${ms(openFor)} more`, byHand(endpoint, 'open')].filter(Boolean).join(', '),
    probing: 'half-open, its probes are under way',
    paused: `its server asked for a pause, ${ms(pausedFor)} more`,
    draining:
      endpoint.drainedUntil > now
        ? `drained ${byHand(endpoint, 'draining') ?? 'by hand'}`
        : instance.weight === 0
          ? ['its weight is 0', byHand(endpoint, 'weight')].filter(Boolean).join(', ')
          : 'it is leaving',
    unhealthy: healthReason(endpoint),
    full: `${inFlight} of ${perInstance} attempts are in flight`,
  }
  return {
    id: instance.id,
    url: instance.url,
    ...(instance.zone !== undefined && { zone: instance.zone }),
    state,
    mayBePicked,
    why: why[state] + (mayBePicked ? whyAnyway(state, choices) : ''),
    ...(openFor > 0 && openFor < Infinity && { openFor }),
    ...(pausedFor > 0 && { pausedFor }),
    weight: instance.weight ?? 1,
    ramp: endpoint.share(now),
    inFlight,
    ...(latency !== undefined && { latency }),
    ...(cost !== undefined && { cost }),
    ...(otherSubset && { otherSubset: true }),
  }
}

/** Why an instance may be picked in a state in which it is usually not. */
function whyAnyway(state: InstanceState, { panic }: Choices): string {
  if (state === 'available') return ''
  const isShut = state === 'open' || state === 'probing'
  return panic && isShut
    ? '; too few instances are admitted (panicThreshold), so breakers are ignored'
    : '; no better instance is available'
}

const STANDING = {
  name: 'balance.standing()',
  rule: '{ cost?: number, otherSubset?: true }',
  instead: 'it is left out',
  code: 'OUTRIGGER_BALANCER',
}

/** Returns what the strategy, which may be user code, thinks of the endpoint. */
function standingOf(balancer: Balancer, endpoint: LiveEndpoint, now: number): Standing {
  return asked(() => balancer.standing?.(endpoint, now), readStanding, balancer, STANDING) ?? {}
}

function readStanding(value: unknown): Standing | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { cost, otherSubset } = value as Record<keyof Standing, unknown>
  if (cost !== undefined && typeof cost !== 'number') return undefined
  if (otherSubset !== undefined && otherSubset !== true) return undefined
  return { ...(cost !== undefined && { cost }), ...(otherSubset && { otherSubset }) }
}

function explainPlan({ plan, method, hasIdempotencyKey }: ExplainContext): PlanExplanation {
  const { timeout, retry, hedge, guard, waitForReady, priority } = plan
  const { total, attempt, connect, idle } = timeout
  const { idempotent = method === undefined ? undefined : isIdempotent(method, hasIdempotencyKey) } = plan
  const limits = Object.entries({ total, attempt, connect, idle }).filter(([, limit]) => limit < Infinity)
  return {
    ...Object.fromEntries(limits),
    attempts: retry?.attempts ?? 1,
    ...(idempotent !== undefined && { idempotent }),
    hedges: hedge?.max ?? 0,
    breaker: guard === undefined ? 'none' : guard.route === undefined ? 'instance' : 'route',
    waitForReady,
    priority,
  }
}

function healthReason({ health }: LiveEndpoint): string {
  const { latest, failures = 0 } = health ?? {}
  if (!latest)
    return health?.state === 'unhealthy' ? 'its health checks failed' : 'it waits for its first health check'
  return `its health checks failed, ${failures} in a row: ${failureReason(latest)}`
}

function failureReason({ reason, status, error, grpc }: CheckFailure): string {
  if (reason === 'error') return quote(error)
  if (reason === 'timeout') return 'no response in time'
  return reason === 'grpc' ? `the server says ${grpc}` : `${reason} of ${status}`
}

function ms(time: number): string {
  return `${Math.ceil(time)} ms`
}

function isWithin(subset: Subset | undefined, endpoint: LiveEndpoint | undefined): boolean {
  return !subset || (endpoint !== undefined && subset.has(endpoint.instance))
}
