import { RegistryAnswerError } from '../http/http.ts'

const LIMIT =
  'Consul accepts 200 connections from one client address by default (limits.http_max_conns_per_client); each watch ' +
  'uses one, and with the option shared all watches together use two'

/**
 * Names Consul's limit of connections in errors that it may have caused. Agents before 1.10 close the
 * connection without an answer.
 */
export function explain(error: unknown): unknown {
  if (error instanceof RegistryAnswerError) {
    if (error.status !== 429) return error
    return new RegistryAnswerError(`${error.message} (${LIMIT})`, 429)
  }
  const { message, cause } = (error ?? {}) as Error
  const { code } = (cause ?? {}) as NodeJS.ErrnoException
  if (code !== 'UND_ERR_SOCKET' && code !== 'ECONNRESET' && code !== 'EPIPE') return error
  return new Error(`${message}: the agent stopped, or has too many connections: ${LIMIT}`, { cause: error })
}
