// ofetch: its createFetch() accepts a fetch, and the globals that belong to it.
import { createFetch } from 'ofetch'
import { startUsers } from './service.ts'

const service = await startUsers()
const api = createFetch({
  fetch: service.users,
  Headers,
  AbortController,
  // The client retries. Two retry loops would multiply the requests.
  defaults: { baseURL: 'http://user-service', retry: 0 },
})

for (let call = 0; call < 2; call++) console.log(await api('/users/42'))
await service.close()
