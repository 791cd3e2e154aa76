import type { Client, ClientOptions } from 'outrigger'

export const PATH = '/users/42'

/** Imported only where it is called: nobody who uses a peer has Outrigger, and npm's undici, in his process. */
export async function clientFor(
  origins: readonly string[],
  options: Partial<ClientOptions> = {},
): Promise<Client> {
  const { createClient, fixed } = await import('outrigger')
  return createClient({ service: 'user-service', source: fixed(origins), ...options })
}
