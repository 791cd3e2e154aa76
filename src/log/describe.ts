import type { ClientEvents, ServiceEvent } from '../observe/events.ts'
import { quote } from '../quote.ts'
import type { Instance } from '../registry/source.ts'
import { redactUrl } from '../registry/origin.ts'

/** What a log line says of an event, as plain data. */
export type LogFields = Readonly<Record<string, unknown>>

/** Causes of causes are shown this deep. */
const DEPTH = 3
const STACK_LINES = 10

/** An error as plain data: most loggers print only the message of one, or nothing. */
export function serializeError(error: unknown, depth: number = DEPTH): LogFields {
  if (!(error instanceof Error)) return { message: redact(quote(error)) }
  const { name, message, stack, cause, code } = error as Error & { code?: unknown }
  return {
    type: name,
    message: redact(String(message)),
    ...(code !== undefined && { code }),
    ...(stack !== undefined && { stack: redact(String(stack).split('\n').slice(0, STACK_LINES).join('\n')) }),
    ...(cause !== undefined && depth > 1 && { cause: serializeError(cause, depth - 1) }),
  }
}

/** Without user names and passwords of URLs. */
function redact(text: string): string {
  return text.replaceAll(/\b[a-z][a-z\d+.-]{0,20}:\/\/[^\s"'<>]+/gi, (url) => redactUrl(url))
}

/** The fields of an event: an instance by its id and address, never its metadata; an error as data. */
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
      rejected: rejected.map(({ reason }: { reason: string }) => redact(reason)),
    }),
    ...(error !== undefined && { error: serializeError(error) }),
  }
}

function addressOf({ id, url }: Instance): LogFields {
  return { instance: id, url: redactUrl(url) }
}

/** One line for people. */
export function lineOf(name: keyof ClientEvents, fields: LogFields): string {
  const { service, instance, route, reason, error, status, openFor, instances } = fields
  const { message } = (error ?? {}) as { message?: string }
  const parts = [
    instance !== undefined && `instance ${String(instance)}`,
    route !== undefined && `route ${String(route)}`,
    reason !== undefined && String(reason),
    status !== undefined && `status ${String(status)}`,
    openFor !== undefined && `for ${Math.round(Number(openFor))} ms`,
    instances !== undefined && `${String(instances)} instances`,
    message,
  ].filter((part) => part !== undefined && part !== false)
  return `${String(service)} ${name}${parts.length > 0 ? `: ${parts.join(', ')}` : ''}`
}
