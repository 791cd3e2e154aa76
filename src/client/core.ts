import { isDeepStrictEqual } from 'node:util'
import type { Balancer } from '../balance/balancer.ts'
import { asBalancer } from '../balance/as-balancer.ts'
import { runsUserCode } from '../balance/own.ts'
import { peakEwma } from '../balance/peak-ewma.ts'
import type { SnapshotWaiter, Core } from '../call/core.ts'
import type { Plan } from '../call/plan.ts'
import type { Plans } from '../doors/plan/plans.ts'
import { systemClock } from '../clock.ts'
import { Hand } from '../control/hand.ts'
import { Deadlines } from '../deadlines.ts'
import type { LiveEndpoint } from '../fleet/endpoint.ts'
import { Fleet } from '../fleet/fleet.ts'
import type { FleetPolicy } from '../fleet/fleet-options.ts'
import { outlierPolicy } from '../fleet/outlier-policy.ts'
import { checksOf, isOthers } from './health.ts'
import { Checker } from '../health/checker.ts'
import { poolMaker } from '../attempt/make-pool.ts'
import { Mirroring } from '../mirror/mirroring.ts'
import { Emitter } from '../observe/emitter.ts'
import type { ClientEvents, ServiceEvent } from '../observe/events.ts'
import { eventChannels } from '../observe/event-channels.ts'
import { Observer } from '../observe/observer.ts'
import { allowPolicy } from '../registry/allow.ts'
import { callListenerOf } from '../registry/call-listener.ts'
import { Discovery } from '../registry/discovery.ts'
import { redactUrls } from '../registry/origin.ts'
import { quote } from '../quote.ts'
import { Budget } from '../retry/budget.ts'
import type { CompiledPlans } from './compile.ts'
import type { ClientOptions } from './options.ts'
import { poolSettings } from './pool-settings.ts'
import { warmUpOf } from './warm.ts'

export interface ClientCore extends Core {
  readonly checker: Checker<LiveEndpoint>
  /** Resumes the calls that wait for the first snapshot. */
  resume(): void
  readonly hand: Hand
}

/** The state before an update of the options. */
interface Before {
  readonly policy: FleetPolicy
  readonly options: ClientOptions
  readonly plans: Plans
  /** The names of the options that the update changes. */
  readonly changed: readonly string[]
}

/** Returns the policy of the fleet. Parts of `before` are kept if their options have not changed. */
export function fleetPolicy(
  options: ClientOptions,
  { plans, guards }: CompiledPlans,
  before?: Before,
): FleetPolicy {
  const { balance = peakEwma(), drainTimeout = 30_000, limit, outliers } = options
  const { panicThreshold = 0, whenAllOpen = 'throttle' } = options
  const settings = poolSettings(options, plans)
  const warmUp = warmUpOf(options)
  const isKept = (name: keyof ClientOptions): boolean => before?.changed.includes(name) === false
  return {
    guards,
    balancer: before && isKept('balance') ? before.policy.balancer : asBalancer(balance),
    panicThreshold,
    whenAllOpen,
    perInstance: typeof limit === 'object' ? (limit.perInstance ?? Infinity) : Infinity,
    outliers:
      before && isKept('outliers')
        ? before.policy.outliers
        : outliers === undefined || outliers === false
          ? undefined
          : outlierPolicy(outliers),
    drainTimeout,
    warmUp: before && isKept('warm') ? before.policy.warmUp : warmUp,
    makePool:
      before && isDeepStrictEqual(settings, poolSettings(before.options, before.plans))
        ? before.policy.makePool
        : poolMaker(settings),
  }
}

/** True if user functions are called for each attempt. */
export function hasUserCode(balancer: Balancer, { base, routed }: Plans): boolean {
  const asksUser = ({ classify, retry, headers }: Plan): boolean =>
    (classify ?? retry?.when ?? headers.own?.functions[0]) !== undefined
  return runsUserCode(balancer) || [base, ...routed].some(asksUser)
}

/** Connects a client's discovery to its fleet, and both to its events. */
export function createCore(options: ClientOptions, compiled: CompiledPlans): ClientCore {
  const { service, source, budget = {}, clock = systemClock } = options
  const policy = fleetPolicy(options, compiled)
  const events = new Emitter<ClientEvents>(eventChannels())
  const snapshotWaiters = new Set<SnapshotWaiter>()
  const observer = new Observer({
    service,
    clock,
    events,
    redactPath: options.redactPath,
    onCall: callListenerOf(source),
    hasUserCode: hasUserCode(policy.balancer, compiled.plans),
  })
  const stamp = (): ServiceEvent => observer.stamp()
  const resume = (): void => {
    for (const each of snapshotWaiters) each.resume()
    snapshotWaiters.clear()
  }
  const hand = new Hand({
    service,
    clock,
    fleet: () => fleet,
    refresh: () => fleet.apply(hand.withWeights(discovery.instances)),
    publish: (event) => events.emit('control', { ...stamp(), ...event }),
  })
  const fleet: Fleet = new Fleet({ ...policy, hand, service, clock, events })
  const checker = new Checker<LiveEndpoint>(
    {
      clock,
      endpoints: () => fleet.endpoints,
      usedAt: () => fleet.usedAt,
      isOthers: (endpoint, now) => isOthers(fleet, endpoint, now),
      changed: (endpoint, to) => fleet.onHealthCheck(endpoint, to),
    },
    checksOf(options),
  )
  if (checker.isOn) fleet.checker = checker
  const mirroring = new Mirroring({ clock, fleet, events, observer })
  const discovery = new Discovery({
    source,
    allow: allowOf(options),
    service,
    clock,
    ...(options.emptyGrace !== undefined && { emptyGrace: options.emptyGrace }),
    onInstances: (instances) => {
      fleet.apply(hand.withWeights(instances))
      mirroring.closePoolsOfRemoved()
      resume()
    },
    onFailed: (error) => {
      if (discovery.isHopeless) for (const each of snapshotWaiters) each.giveUp(error)
    },
    onStale: (error) => {
      const instances = discovery.instances.length
      if (events.has('source:stale')) events.emit('source:stale', { ...stamp(), error, instances })
      else warnOfOutage(service, error, instances)
    },
    onRecovered: (staleFor) =>
      events.emit('source:recovered', { ...stamp(), instances: discovery.instances.length, staleFor }),
    onInvalid: (rejected) => events.emit('source:invalid', { ...stamp(), rejected }),
  })
  return {
    service,
    clock,
    random: () => clock.random(),
    fleet,
    hand,
    checker,
    discovery,
    budget: new Budget(budget, clock),
    kept: compiled.kept,
    mirroring,
    events,
    observer,
    deadlines: new Deadlines(clock),
    snapshotWaiters,
    onClose: new Set([() => checker.close()]),
    running: new Set(),
    closeError: undefined,
    stamp,
    resume,
  }
}

/**
 * Returns what the option `allow` permits. Without it, a list in the code and a registry in this process may name any
 * address, because the user has written them.
 */
export function allowOf({ allow, source }: ClientOptions): ReturnType<typeof allowPolicy> | undefined {
  return allow === undefined && source.isOwn ? undefined : allowPolicy(allow)
}

/** Emits a process warning. If nothing listens to the event, a failing source must still be noticed. */
function warnOfOutage(service: string, error: unknown, instances: number): void {
  const use = instances === 0 ? 'no instance is known' : `the last known instances (${instances}) stay in use`
  process.emitWarning(`the source of ${service} failed; ${use}: ${redactUrls(quote(error))}`, {
    code: 'OUTRIGGER_SOURCE',
    detail: "listen to 'source:stale' to hear of it in your own log",
  })
}
