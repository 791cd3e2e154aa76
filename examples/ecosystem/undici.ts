// npm's undici: the client's interceptor, with undici's own redirects and retries around it.
import { outrigger } from 'outrigger'
import { Agent, interceptors, request } from 'undici'
import { startUsers } from './service.ts'

const service = await startUsers()
const dispatcher = new Agent().compose(
  outrigger(service.users),
  interceptors.redirect({ maxRedirections: 3 }),
  // Only methods without a body: undici would send a stream again without its data.
  interceptors.retry({ methods: ['GET', 'HEAD', 'OPTIONS'] }),
)

for (const origin of ['http://user-service', 'http://user-service', service.url]) {
  const { body } = await request(`${origin}/users/42`, { dispatcher })
  console.log(await body.json())
}
await dispatcher.close()
await service.close()
