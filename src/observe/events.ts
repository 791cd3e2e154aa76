import type { AttemptEvent } from './attempt-event.ts'
import type { BreakerEvent } from './breaker-events.ts'
import type {
  CallEndEvent,
  CallEvent,
  CallFallbackEvent,
  CallHedgeEvent,
  CallRejectedEvent,
  CallRetryEvent,
} from './call-events.ts'
import type { ConfigChangedEvent, ControlEvent } from './control-events.ts'
import type {
  InstanceChangedEvent,
  InstanceEjectedEvent,
  InstanceEvent,
  InstanceHealthyEvent,
  InstancePausedEvent,
  InstanceUnhealthyEvent,
} from './instance-events.ts'
import type { MirrorDroppedEvent, MirrorEvent } from './mirror-event.ts'
import type { SourceInvalidEvent, SourceRecoveredEvent, SourceStaleEvent } from './source-events.ts'
import type { AttemptStartEvent, CallStartEvent } from './start-events.ts'

export type { AttemptEvent, Outcome, Whose } from './attempt-event.ts'
export type { BreakerCounts, BreakerEvent, BreakerReason, BreakerState } from './breaker-events.ts'
export type {
  CallEndEvent,
  CallEvent,
  CallFallbackEvent,
  CallHedgeEvent,
  CallOutcome,
  CallRejectedEvent,
  CallRetryEvent,
  NotRetried,
} from './call-events.ts'
export type { ConfigChangedEvent, ControlAction, ControlEvent } from './control-events.ts'
export type {
  CheckFailure,
  InstanceChangedEvent,
  InstanceCounts,
  InstanceEjectedEvent,
  InstanceEvent,
  InstanceHealthyEvent,
  InstancePausedEvent,
  InstanceState,
  InstanceUnhealthyEvent,
} from './instance-events.ts'
export type { MirrorDroppedEvent, MirrorEvent } from './mirror-event.ts'
export type { SourceInvalidEvent, SourceRecoveredEvent, SourceStaleEvent } from './source-events.ts'
export type { AttemptStartEvent, CallStartEvent, Door, ServiceEvent, Within } from './start-events.ts'

/** Maps each event name to its payload, for `client.on(name, listener)`. */
export interface ClientEvents {
  'breaker:open': BreakerEvent & Required<Pick<BreakerEvent, 'openFor'>>
  'breaker:half-open': BreakerEvent
  'breaker:close': BreakerEvent
  'instance:added': InstanceEvent
  'instance:changed': InstanceChangedEvent
  'instance:removed': InstanceEvent
  'instance:ejected': InstanceEjectedEvent
  'instance:paused': InstancePausedEvent
  'instance:unhealthy': InstanceUnhealthyEvent
  'instance:healthy': InstanceHealthyEvent
  'source:stale': SourceStaleEvent
  'source:recovered': SourceRecoveredEvent
  'source:invalid': SourceInvalidEvent
  'call:retry': CallRetryEvent
  'call:hedge': CallHedgeEvent
  'call:rejected': CallRejectedEvent
  'call:fallback': CallFallbackEvent
  'call:start': CallStartEvent
  call: CallEvent
  'call:end': CallEndEvent
  'attempt:start': AttemptStartEvent
  attempt: AttemptEvent
  mirror: MirrorEvent
  'mirror:dropped': MirrorDroppedEvent
  control: ControlEvent
  'config:changed': ConfigChangedEvent
}
