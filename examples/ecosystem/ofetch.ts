// ofetch: its own createFetch() takes a fetch, and the globals that go with it.
import { createFetch } from 'ofetch'
import { startUsers } from './service.ts'

const service = await startUsers()
const api = createFetch({
  fetch: service.users,
  Headers,
  AbortController,
  // Ours do; two loops would multiply.
  defaults: { baseURL: 'http://user-service', retry: 0 },
})

for (let call = 0; call < 2; call++) console.log(await api('/users/42'))
await service.close()
