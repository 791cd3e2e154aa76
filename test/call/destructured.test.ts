import { expect, it } from 'vitest'
import { createClient, fixed } from '../../src/index.ts'

it('a balancer may destructure random() from the request', async () => {
  const users = createClient({
    service: 'svc',
    source: fixed(['http://a.invalid', 'http://b.invalid']),
    balance: (endpoints, { random }) => endpoints[Math.floor(random() * endpoints.length)],
  })
  expect(await users.execute(({ url }) => url)).toMatch(/^http:\/\/[ab]\.invalid$/)
  await users.close()
})
