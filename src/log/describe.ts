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
    part(fields, 'changed'),
    part(fields, 'by', 'by '),
    part(fields, 'instance', 'instance '),
    part(fields, 'route', 'route '),
    part(fields, 'reason'),
    part(fields, 'grpc'),
    part(fields, 'status', 'status '),
    part(fields, 'openFor', 'for ', ' ms'),
    part(fields, 'notRetried', 'not retried: '),
    leftOf(fields['instances']),
    rejectedOf(fields),
    ...messagesOf(fields['error'] as Told | undefined),
  ].filter((text) => text !== '')
  return oneLine(`${textOf(fields['service'])} ${name}${parts.length > 0 ? `: ${parts.join(', ')}` : ''}`)
}

/** Returns for example `isolate a`, `weigh a 5` or `reset all`. */
function doneByHand({ action, id = 'all', weight }: LogFields): string {
  return [action, id, ...(weight === undefined ? [] : [weight])].map((each) => textOf(each)).join(' ')
}

function part(fields: LogFields, name: string, before = '', after = ''): string {
  const value = fields[name]
  if (value === undefined) return ''
  const text = Array.isArray(value) ? value.map((each) => textOf(each)).join(', ') : textOf(value)
  return `${before}${typeof value === 'number' ? Math.round(value) : text}${after}`
}

/** Why the first entry of a snapshot was dropped, and how many others were. */
function rejectedOf({ rejected = [], rejectedInAll }: LogFields): string {
  const reasons = rejected as readonly string[]
  const others = Number(rejectedInAll ?? reasons.length) - 1
  return `${reasons[0] ?? ''}${others > 0 ? ` (and ${others} more)` : ''}`
}

interface Told {
  readonly message: string
  readonly cause?: Told
}

/** The messages of an error and of its causes, each once: an error of fetch says why only in its cause. */
function messagesOf(error: Told | undefined): string[] {
  const messages: string[] = []
  for (let each = error; each !== undefined; each = each.cause) {
    const { message } = each
    if (!messages.some((said) => said.includes(message))) messages.push(message)
  }
  return messages
}

/** Describes a number of instances, or how many instances are in each state. */
function leftOf(instances: unknown): string {
  if (typeof instances === 'number') return `${instances} ${instances === 1 ? 'instance' : 'instances'}`
  return typeof instances === 'object' && instances !== null
    ? describeCounts(instances as InstanceCounts)
    : ''
}
