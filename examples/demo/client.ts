import { createClient, leastRequest, type Client, type Source } from 'outrigger'

/** The whole client part of the demo: this is what you would write in your service. */
export function createUsers(source: Source): Client {
  return createClient({
    service: 'user-service',
    source,
    balance: leastRequest(),
    breaker: { failureThreshold: 3, successThreshold: 2, openFor: 2_000 },
    retry: { attempts: 3 },
    timeout: { total: 2_000, attempt: 400 },
    // When nearly all look bad at once, it is this machine that stalls.
    panicThreshold: 0.3,
  })
}

/** One request of the steady traffic; true if it was answered well. */
export async function getUser(users: Client, id: number): Promise<boolean> {
  const response = await users('GET /users/{id}', { params: { id } })
  await response.text()
  return response.ok
}
