import { createClient, leastRequest, type Client, type Source } from 'outrigger'

/** The complete client code of the demo. A service would contain the same. */
export function createUsers(source: Source): Client {
  return createClient({
    service: 'user-service',
    source,
    balance: leastRequest(),
    breaker: { failureThreshold: 3, successThreshold: 2, openFor: 2_000 },
    retry: { attempts: 3 },
    timeout: { total: 2_000, attempt: 400 },
    // If nearly all instances seem to fail at once, this machine is the cause.
    panicThreshold: 0.3,
  })
}

/** One request of the steady traffic. Returns true if it succeeded. */
export async function getUser(users: Client, id: number): Promise<boolean> {
  const response = await users('GET /users/{id}', { params: { id } })
  await response.text()
  return response.ok
}
