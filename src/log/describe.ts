import { describeCounts } from '../fleet/states.ts'
import type { ClientEvents, InstanceCounts, ServiceEvent } from '../observe/events.ts'
import { oneLine, quote } from '../quote.ts'
import type { Instance } from '../registry/source.ts'
import { redactUrl, redactUrls } from '../registry/origin.ts'
import { isA } from '../hooks/thrown.ts'

/** The fields of a log line, as plain data. */
export type LogFields = Readonly<Record<string, unknown>>

/** How many levels of causes are logged. */
const DEPTH = 3
const STACK_LINES = 10
/** How many dropped entries of a snapshot are logged. There may be thousands. */
const REJECTED = 20

/** Turns an error into plain data, because most loggers print only an error's message, or nothing. */
export function serializeError(error: unknown, depth: number = DEPTH): LogFields {
  if (!isA(error, Error)) return { message: redactUrls(quote(error)) }
  // These may have any type in an error class of the user's.
  const { name, message, stack, cause, code } = shown(error)
  return {
    type: name,
    message: redactUrls(textOf(message)),
    ...(code !== undefined && { code }),
    ...(stack !== undefined && {
      stack: redactUrls(textOf(stack).split('\n').slice(0, STACK_LINES).join('\n')),
    }),
    ...(cause !== undefined && depth > 1 && { cause: serializeError(cause, depth - 1) }),
  }
}

function shown({
  name,
  message,
  stack,
  cause,
  code,
}: Error & { code?: unknown }): Record<keyof Error | 'code', unknown> {
  return { name, message, stack, cause, code }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : quote(value)
}

/**
 * Returns the fields of an event. An instance appears with id and address but without metadata. An error
 * appears as data.
 */
export function fieldsOf(name: keyof ClientEvents, event: ServiceEvent): LogFields {
  const {
    instance,
    previous,
    error,
    at: _at,
    rejected,
    ...rest
  } = event as unknown as Record<string, unknown>
  return {
    event: name,
    ...rest,
    ...(instance !== undefined && addressOf(instance as Instance)),
    ...(previous !== undefined && { previousUrl: redactUrl((previous as Instance).url) }),
    ...(Array.isArray(rejected) && {
      rejected: rejected.slice(0, REJECTED).map(({ reason }: { reason: string }) => redactUrls(reason)),
      ...(rejected.length > REJECTED && { rejectedInAll: rejected.length }),
    }),
    ...(error !== undefined && { error: serializeError(error) }),
  }
}

function addressOf({ id, url }: Instance): LogFields {
  return { instance: id, url: redactUrl(url) }
}

/** Returns the log line for people. */
export function lineOf(name: keyof ClientEvents, fields: LogFields): string {
  const parts = [
    ...(name === 'control' ? [doneByHand(fields)] : []),
    fieldText(fields, 'changed'),
    fieldText(fields, 'by', 'by '),
    fieldText(fields, 'instance', 'instance '),
    fieldText(fields, 'route', 'route '),
    fieldText(fields, 'reason'),
    fieldText(fields, 'grpc'),
    fieldText(fields, 'status', 'status '),
    fieldText(fields, 'openFor', 'for ', ' ms'),
    fieldText(fields, 'notRetried', 'not retried: '),
    instancesText(fields['instances']),
    rejectedOf(fields),
    ...messagesOf(fields['error'] as LoggedError | undefined),
  ].filter((text) => text !== '')
  return oneLine(`${textOf(fields['service'])} ${name}${parts.length > 0 ? `: ${parts.join(', ')}` : ''}`)
}

/** Returns for example `isolate a`, `weigh a 5` or `reset all`. */
function doneByHand({ action, id = 'all', weight }: LogFields): string {
  return [action, id, ...(weight === undefined ? [] : [weight])].map((each) => textOf(each)).join(' ')
}

function fieldText(fields: LogFields, name: string, before = '', after = ''): string {
  const value = fields[name]
  if (value === undefined) return ''
  const text = Array.isArray(value) ? value.map((each) => textOf(each)).join(', ') : textOf(value)
  return `${before}${typeof value === 'number' ? Math.round(value) : text}${after}`
}

/** Returns why the first entry of a snapshot was dropped, and how many others were dropped. */
function rejectedOf({ rejected = [], rejectedInAll }: LogFields): string {
  const reasons = rejected as readonly string[]
  const others = Number(rejectedInAll ?? reasons.length) - 1
  return `${reasons[0] ?? ''}${others > 0 ? ` (and ${others} more)` : ''}`
}

interface LoggedError {
  readonly message: string
  readonly cause?: LoggedError
}

/** Returns the messages of an error and of its causes, each once. A fetch error has its reason only in its cause. */
function messagesOf(error: LoggedError | undefined): string[] {
  const messages: string[] = []
  for (let each = error; each !== undefined; each = each.cause) {
    const { message } = each
    if (!messages.some((earlier) => earlier.includes(message))) messages.push(message)
  }
  return messages
}

/** Describes a number of instances, or how many instances are in each state. */
function instancesText(instances: unknown): string {
  if (typeof instances === 'number') return `${instances} ${instances === 1 ? 'instance' : 'instances'}`
  return typeof instances === 'object' && instances !== null
    ? describeCounts(instances as InstanceCounts)
    : ''
}
