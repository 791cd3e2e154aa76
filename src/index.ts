export { createClient, type Client, type TypedClient } from './client/create-client.ts'
export {
  createFetch,
  type AppControl,
  type AppFetch,
  type FetchOptions,
  type ServiceDefaults,
  type ServiceOptions,
  type Unknown,
} from './app/create-fetch.ts'
export type { ClientLimit, ClientOptions, DeadlineOptions } from './client/options.ts'
export type { RouteLimit, RouteRule, TimeoutOptions } from './client/route-rule.ts'
export type { Explanation, InstanceExplanation, PlanExplanation } from './explain/explanation.ts'
export type { ClientUpdate, UpdateOptions } from './client/update.ts'
export type { ReadyOptions } from './client/ready.ts'
export type {
  ClientSnapshot,
  InstanceSnapshot,
  LimitSnapshot,
  MirrorSnapshot,
  TrafficSnapshot,
} from './client/snapshot.ts'
export type { ByHandOptions, ByHandSnapshot, TakeOutOptions } from './control/hand.ts'
export { withDeadline, type IncomingRequest, type WithDeadlineOptions } from './client/with-deadline.ts'
export type { CallInit } from './typed/call-input.ts'
export { outrigger, type DispatchingClient } from './doors/dispatcher/interceptor.ts'
export type { ExecuteContext, ExecuteFunction, ExecuteOptions } from './doors/execute/operation.ts'
export type { RequestOptions } from './doors/request/operation.ts'
export type { AttemptResult, Classify, Judgement } from './verdict/classify.ts'

export { CircuitBreaker } from './breaker/circuit-breaker.ts'
export type {
  CircuitBreakerEvent,
  CircuitBreakerEventName,
  CircuitBreakerEvents,
  CircuitBreakerOptions,
  CircuitBreakerRefusedEvent,
  CircuitBreakerSnapshot,
  CircuitBreakerState,
  Permit,
  WrapOptions,
} from './breaker/standalone-types.ts'
export type { HealthExpectation, HealthOptions } from './health/policy.ts'
export type { HealthSnapshot } from './health/snapshot.ts'
export type { MirrorOptions } from './mirror/options.ts'
export type { OneOrMore, TrafficCondition, TrafficRule, TrafficTarget } from './traffic/options.ts'
export type { OutlierOptions } from './fleet/outlier-policy.ts'
export type { BreakerOptions, BreakerWindow, OpenForOptions } from './breaker/policy.ts'

export type { Balancer, Endpoint, Pick, PickRequest, Standing } from './balance/balancer.ts'
export { consistentHash, type ConsistentHashOptions } from './balance/consistent-hash.ts'
export { failover, type FailoverOptions } from './balance/failover.ts'
export type { KeyOption } from './balance/key.ts'
export { leastRequest, type LeastRequestOptions } from './balance/least-request.ts'
export { peakEwma, type PeakEwmaOptions } from './balance/peak-ewma.ts'
export { prequal, type PrequalOptions } from './balance/prequal.ts'
export { random } from './balance/random.ts'
export { reportedLoad, type ReportedLoadOptions } from './balance/reported-load.ts'
export { roundRobin } from './balance/round-robin.ts'
export { slowStart, type SlowStartOptions } from './balance/slow-start.ts'
export { sticky, type StickyOptions } from './balance/sticky.ts'
export { subset, type SubsetOptions } from './balance/subset.ts'
export { weightedRoundRobin } from './balance/weighted-round-robin.ts'
export { zoneAware, type ZoneAwareOptions } from './balance/zone-aware.ts'

export type { LoadReport } from './load/report.ts'
export {
  reportLoad,
  type LoadReporter,
  type ReportLoadOptions,
  type ReportingResponse,
} from './load/report-load.ts'

export { announce, type AnnounceOptions, type Announcement } from './registry/announce.ts'
export {
  announceServer,
  type AnnounceServerOptions,
  type AnnouncedServer,
  type ServerAnnouncement,
} from './registry/announce-server.ts'
export type { HealthFunction, ServerHealthOptions } from './registry/readiness.ts'
export {
  readyHandler,
  type ReadyHandler,
  type ReadyHandlerOptions,
  type ReadyRequest,
  type ReadyResponse,
} from './registry/ready-handler.ts'
export { fixed } from './registry/fixed.ts'
export { MemoryRegistry, type MemoryLease, type MemoryRegistryOptions } from './registry/memory.ts'
export type { Instance, InstanceInit, Lease, Registrar, Source } from './registry/source.ts'

export type { BudgetOptions } from './retry/budget.ts'
export type { HedgeOptions } from './retry/hedge.ts'
export type { BackoffOptions, RetryFailure, RetryOptions } from './retry/policy.ts'

export type * from './observe/events.ts'
export type { AttemptMessage, CallMessage, EventMessage } from './observe/channel-messages.ts'
export type { RedactPath } from './observe/observer.ts'
export type { FailedCall, Fallback } from './fallback/types.ts'
export type { CoalesceOptions } from './fallback/coalesce.ts'
export type { StaleOptions } from './fallback/stale.ts'
export type { AllowOptions } from './registry/allow.ts'
export type { HeaderRequest, OwnHeaders } from './headers/own-headers.ts'
export { logEvents, type EventSource, type LogEventsOptions } from './log/log-events.ts'
export type { LogLevel } from './log/levels.ts'
export type { Logger, LoggerStyle } from './log/logger.ts'
export { LimitExceededError, ThrottledError } from './limit/errors.ts'
export type { AdaptiveOptions, LimitOptions } from './limit/policy.ts'
export type { Priority } from './limit/priority.ts'
export type { ThrottleOptions } from './limit/throttle.ts'
export type { ContractPolicy, RouteContract, StatusKey, ValidateMode } from './typed/contract.ts'
export type { Contracts } from './typed/contract-types.ts'
export { ContractError, type ContractIssue } from './typed/error.ts'
export type { OpenAPI } from './typed/openapi.ts'
export type { TypedResponse } from './typed/response.ts'
export type { InputOf, OutputOf, StandardSchema } from './typed/standard-schema.ts'
export {
  CircuitOpenError,
  NoInstanceError,
  OutriggerError,
  RefusalError,
  type OpenCounts,
  type OutriggerErrorCode,
} from './errors.ts'
export { systemClock, type Clock } from './clock.ts'
