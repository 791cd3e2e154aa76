import { createClient, fixed, type Client, type ClientOptions } from 'outrigger'

export const PATH = '/users/42'

export function clientFor(origins: readonly string[], options: Partial<ClientOptions> = {}): Client {
  return createClient({ service: 'user-service', source: fixed(origins), ...options })
}
