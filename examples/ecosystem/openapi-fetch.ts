// openapi-fetch: the types come from an OpenAPI document, and the requests go through a client.
import createApi from 'openapi-fetch'
import { startUsers } from './service.ts'

interface paths {
  '/users/{id}': {
    get: {
      parameters: { path: { id: number } }
      responses: { 200: { content: { 'application/json': { id: number; by: string } } } }
    }
  }
}

const service = await startUsers()
const api = createApi<paths>({ baseUrl: 'http://user-service', fetch: service.users })

for (let call = 0; call < 2; call++) {
  const { data } = await api.GET('/users/{id}', { params: { path: { id: 42 } } })
  console.log(data)
}
await service.close()
