export { createClient, type Client } from './client/create-client.ts'
export { createFetch, type FetchOptions } from './client/create-fetch.ts'
export type { ClientOptions, DeadlineOptions, RouteRule, TimeoutOptions } from './client/options.ts'
export type { ClientSnapshot, InstanceSnapshot } from './client/snapshot.ts'
export { withDeadline, type IncomingRequest, type WithDeadlineOptions } from './client/with-deadline.ts'
export type { CallInit } from './doors/target.ts'
export type { ExecuteContext, ExecuteFunction, ExecuteOptions } from './doors/execute.ts'
export type { RequestOptions } from './doors/request.ts'
export type { AttemptResult, Classify } from './attempt/classify.ts'

export { CircuitBreaker } from './breaker/circuit-breaker.ts'
export type { OutlierOptions } from './fleet/outlier-policy.ts'
export type { BreakerOptions } from './breaker/policy.ts'

export type { Balancer, Endpoint, Pick, PickRequest } from './balance/balancer.ts'
export { leastRequest } from './balance/least-request.ts'
export { random } from './balance/random.ts'
export { roundRobin } from './balance/round-robin.ts'

export { announce, type AnnounceOptions, type Announcement } from './registry/announce.ts'
export {
  announceServer,
  type AnnounceServerOptions,
  type AnnouncedServer,
} from './registry/announce-server.ts'
export { fixed } from './registry/fixed.ts'
export { MemoryRegistry, type MemoryLease, type MemoryRegistryOptions } from './registry/memory.ts'
export type { Instance, InstanceInit, Lease, Registrar, Source } from './registry/source.ts'

export type { BudgetOptions } from './retry/budget.ts'
export type { HedgeOptions } from './retry/hedge.ts'
export type { BackoffOptions, RetryFailure, RetryOptions } from './retry/policy.ts'

export type * from './observe/events.ts'
export { CircuitOpenError, NoInstanceError, OutriggerError, type OutriggerErrorCode } from './errors.ts'
export { systemClock, type Clock } from './clock.ts'
