import type { Client, ClientOptions } from 'outrigger'

export const PATH = '/users/42'

/** It is imported only when called: a process that measures a peer must not load Outrigger or npm's undici. */
export async function clientFor(
  origins: readonly string[],
  options: Partial<ClientOptions> = {},
): Promise<Client> {
  const { createClient, fixed } = await import('outrigger')
  return createClient({ service: 'user-service', source: fixed(origins), ...options })
}
