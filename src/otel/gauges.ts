import type { Meter, Observable } from '@opentelemetry/api'
import { queuedOf, snapshotsOf, sumOf as sum, type Measured } from '../client/metrics-source.ts'
import type { ClientSnapshot, InstanceSnapshot } from '../client/snapshot.ts'
import { hostOf } from './attributes.ts'

const STATES = ['closed', 'open', 'half-open'] as const

/** Reports the current state whenever metrics are collected. Returns a function that stops it. */
export function observeGauges(meter: Meter, all: readonly Measured[]): () => void {
  const gauge = (name: string, unit: string, description: string): Observable =>
    meter.createObservableGauge(`outrigger.client.${name}`, { unit, description })
  const instances = gauge('instances', '{instance}', 'Instances by the state of their breaker, or draining.')
  const breakers = gauge('breakers', '{breaker}', 'Breakers of instances and of their routes, by state.')
  const inFlight = gauge('in_flight', '{attempt}', 'Attempts in progress on instances.')
  const queued = gauge('queued', '{request}', 'Requests that wait for a connection, or behind a limit.')
  const budget = gauge('budget', '{retry}', 'Retries and hedges that the budget allows now.')
  const stale = gauge('source.stale', 's', 'How long the registry has failed; 0 while it works.')
  const observables = [instances, breakers, inFlight, queued, budget, stale]

  type Result = Parameters<Parameters<Meter['addBatchObservableCallback']>[0]>[0]
  const observe = (result: Result): void => {
    // Two clients of one service form one series. If each were observed, the later value would replace the
    // earlier one.
    for (const [service, snapshots] of byService(all.flatMap(snapshotsOf))) {
      const about = { 'server.address': service }
      const known = snapshots.flatMap((snapshot) => snapshot.instances)
      for (const state of [...STATES, 'draining'] as const) {
        const count = known.filter((each) => stateOf(each) === state).length
        result.observe(instances, count, { ...about, 'outrigger.instance.state': state })
      }
      const states = known.flatMap(({ breaker, routes }) => [breaker, ...Object.values(routes)])
      for (const state of STATES) {
        const count = states.filter((each) => each === state).length
        result.observe(breakers, count, { ...about, 'outrigger.breaker.state': state })
      }
      result.observe(
        inFlight,
        sum(known, (each) => each.inFlight),
        about,
      )
      result.observe(queued, sum(snapshots, queuedOf), about)
      result.observe(
        budget,
        sum(snapshots, (each) => each.budget),
        about,
      )
      result.observe(stale, Math.max(...snapshots.map(({ staleFor = 0 }) => staleFor)) / 1000, about)
    }
  }
  meter.addBatchObservableCallback(observe, observables)
  return () => meter.removeBatchObservableCallback(observe, observables)
}

function byService(snapshots: readonly ClientSnapshot[]): Map<string, ClientSnapshot[]> {
  return Map.groupBy(snapshots, ({ service }) => hostOf(service))
}

function stateOf({ instance, breaker }: InstanceSnapshot): (typeof STATES)[number] | 'draining' {
  return instance.draining === true ? 'draining' : breaker
}
