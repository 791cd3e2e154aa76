import { RegistryHttp, type RegistryHttpOptions, type RegistryReply } from '../http/http.ts'
import { toInstance } from '../instance.ts'
import type { InstanceInit, Lease } from '../source.ts'
import { agentIds, toRegistration } from './agent.ts'
import { explain } from './explain.ts'

export interface AgentOptions extends RegistryHttpOptions {
  readonly url: string
  readonly headers: Record<string, string>
  readonly ttl: number
  readonly deregisterAfter: number
}

/** Registers with the local agent, with a check that becomes critical when no heartbeat arrives for the ttl. */
export async function registerWithAgent(
  options: AgentOptions,
  service: string,
  init: InstanceInit,
  signal: AbortSignal,
): Promise<Lease> {
  const instance = toInstance(init)
  const { serviceId, checkId } = agentIds(service, instance)
  const body = JSON.stringify(toRegistration(service, instance, options))
  const agent = new Agent(options)
  const heartbeat = `/v1/agent/check/pass/${encodeURIComponent(checkId)}`
  const deregister = `/v1/agent/service/deregister/${encodeURIComponent(serviceId)}`
  try {
    await agent.put('/v1/agent/service/register?replace-existing-checks=true', signal, { body })
  } catch (error) {
    await agent.close()
    throw error
  }
  return {
    ttl: options.ttl,
    // Sends no note: a changed output would raise the index and wake every watcher.
    renew: async ({ signal }) => {
      const known = await agent.put(heartbeat, signal, { isUnknown })
      if (!known) await agent.close()
      return known
    },
    release: async ({ signal }) => {
      try {
        await agent.put(deregister, signal, { isUnknown })
      } finally {
        await agent.close()
      }
    },
  }
}

/**
 * The connection of one registration. It stays open between heartbeats: an agent at its limit of connections
 * accepts no new one, and a healthy instance would become critical.
 */
class Agent {
  readonly #options: AgentOptions
  #http: RegistryHttp | undefined

  constructor(options: AgentOptions) {
    this.#options = options
  }

  /** Returns false when `isUnknown` says that the agent does not know the check or service. */
  async put(
    path: string,
    signal: AbortSignal,
    { body = '', isUnknown }: { body?: string; isUnknown?: (reply: RegistryReply) => boolean },
  ): Promise<boolean> {
    const { url, headers, ttl } = this.#options
    const http = (this.#http ??= new RegistryHttp({ ...this.#options, keepAlive: ttl }))
    const request = { method: 'PUT', headers, body, signal } as const
    try {
      const reply = await http.send(url + path, request)
      if (reply.status === 200) return true
      if (isUnknown?.(reply)) return false
      throw http.failure(url + path, request, reply)
    } catch (error) {
      signal.throwIfAborted()
      throw explain(error)
    }
  }

  async close(): Promise<void> {
    const http = this.#http
    this.#http = undefined
    await http?.close()
  }
}

/** Agents before 1.9 answer 500 where newer ones answer 404. */
function isUnknown({ status, text }: RegistryReply): boolean {
  return status === 404 || (status === 500 && /does not have associated TTL|Unknown check/i.test(text))
}
