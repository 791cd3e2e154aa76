import { RegistryAnswerError } from '../http/http.ts'

const LIMIT =
  'Consul takes 200 connections of one client address by default (limits.http_max_conns_per_client); a watch holds ' +
  'one, and the option shared has two for all watches'

/** Names Consul's limit of connections where it may be the reason: agents before 1.10 only hang up. */
export function explain(error: unknown): unknown {
  if (error instanceof RegistryAnswerError) {
    if (error.status !== 429) return error
    return new RegistryAnswerError(`${error.message} (${LIMIT})`, 429)
  }
  const { message, cause } = (error ?? {}) as Error
  const { code } = (cause ?? {}) as NodeJS.ErrnoException
  if (code !== 'UND_ERR_SOCKET' && code !== 'ECONNRESET' && code !== 'EPIPE') return error
  return new Error(`${message}: the agent ended, or has too many connections: ${LIMIT}`, { cause: error })
}
