import type { LogicalHost } from '../../attempt/address.ts'
import { headerOf } from '../../attempt/headers.ts'
import type { Core } from '../../call/core.ts'
import type { SendContext } from '../../call/operation.ts'
import type { Plan } from '../../call/plan.ts'
import type { Attempt } from '../../fleet/attempt.ts'
import type { Priority } from '../../limit/priority.ts'
import type { Dispatcher } from '../../undici.ts'
import { extraHeaders } from './attempt.ts'

/** A request of a call that was sent a moment ago. */
export interface SentRequest {
  readonly attempt: Attempt
  readonly options: Dispatcher.DispatchOptions
  readonly origin: string
  readonly logical: LogicalHost
  readonly priority: Priority
  readonly context?: Pick<SendContext, 'remaining'> | undefined
}

/** Sends a copy of the first request of a call if the plan says so. A retry is not copied. */
export function mirrorRequest({ mirroring, random }: Core, plan: Plan, sent: SentRequest): void {
  const { mirror } = plan
  const { attempt, options, context, ...rest } = sent
  if (!mirror || attempt.number > 1 || options.body != null || options.upgrade) return
  const { method, path, headers } = options
  const header = (name: string): string | undefined => headerOf(headers, name)
  const request = { method, path, priority: sent.priority, header, random }
  if (mirror.wants(request))
    mirroring.copy(mirror, { ...rest, attempt, options, extra: extraHeaders(plan, attempt, context) })
}
