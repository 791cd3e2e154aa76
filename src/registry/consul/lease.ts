import { withHttp, type RegistryHttpOptions, type RegistryReply } from '../http/http.ts'
import { toInstance } from '../instance.ts'
import type { InstanceInit, Lease } from '../source.ts'
import { agentIds, toRegistration } from './agent.ts'

export interface AgentOptions extends RegistryHttpOptions {
  readonly url: string
  readonly headers: Record<string, string>
  readonly ttl: number
  readonly deregisterAfter: number
}

/** Registers with the local agent, under a check which is critical once no heartbeat came for the ttl. */
export async function registerWithAgent(
  options: AgentOptions,
  service: string,
  init: InstanceInit,
  signal: AbortSignal,
): Promise<Lease> {
  const instance = toInstance(init)
  const { serviceId, checkId } = agentIds(service, instance)
  const body = JSON.stringify(toRegistration(service, instance, options))
  await put(options, '/v1/agent/service/register?replace-existing-checks=true', signal, { body })
  return {
    ttl: options.ttl,
    // Without a note: an output that changes would raise the index and wake every watcher.
    renew: ({ signal }) =>
      put(options, `/v1/agent/check/pass/${encodeURIComponent(checkId)}`, signal, { isUnknown }),
    release: async ({ signal }) => {
      await put(options, `/v1/agent/service/deregister/${encodeURIComponent(serviceId)}`, signal, {
        isUnknown,
      })
    },
  }
}

/** False when the agent does not know what it is asked about. */
function put(
  options: AgentOptions,
  path: string,
  signal: AbortSignal,
  { body = '', isUnknown }: { body?: string; isUnknown?: (reply: RegistryReply) => boolean },
): Promise<boolean> {
  return withHttp(options, async (http) => {
    const request = { method: 'PUT', headers: options.headers, body, signal } as const
    const reply = await http.send(options.url + path, request)
    if (reply.status === 200) return true
    if (isUnknown?.(reply)) return false
    throw http.failure(options.url + path, request, reply)
  })
}

/** Agents before 1.9 answer 500 where later ones answer 404. */
function isUnknown({ status, text }: RegistryReply): boolean {
  return status === 404 || (status === 500 && /does not have associated TTL|Unknown check/i.test(text))
}
