import type { Client } from '../../src/client/create-client.ts'
import type { ClientEvents } from '../../src/observe/events.ts'

/** Every event of one name, from now on. */
export function collect<Name extends keyof ClientEvents>(client: Client, name: Name): ClientEvents[Name][] {
  const events: ClientEvents[Name][] = []
  client.on(name, (event) => events.push(event))
  return events
}

/** The outcomes of all attempts, from now on, as `127.0.0.1:1234 success`. */
export function outcomes(client: Client): string[] {
  const seen: string[] = []
  client.on('attempt', ({ instance, outcome }) => seen.push(`${instance.id} ${outcome}`))
  return seen
}

/** The instance's breaker state, load and counters now. */
export function instanceOf(client: Client, id: string): ReturnType<Client['snapshot']>['instances'][number] {
  const found = client.snapshot().instances.find(({ instance }) => instance.id === id)
  if (!found) throw new Error(`no instance ${id}`)
  return found
}
