// axios: its fetch adapter uses a client as fetch.
import { create } from 'axios'
import { startUsers } from './service.ts'

const service = await startUsers()
const api = create({ baseURL: 'http://user-service', adapter: 'fetch', env: { fetch: service.users } })

for (let call = 0; call < 2; call++) {
  const { data } = await api.get<{ by: string }>('/users/42', { params: { verbose: true } })
  console.log(data)
}
await service.close()
