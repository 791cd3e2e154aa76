import { expect, it } from 'vitest'
import { createClient, fixed } from '../../src/index.ts'

it('a strategy may take random() out of the request', async () => {
  const users = createClient({
    service: 'svc',
    source: fixed(['http://a.invalid', 'http://b.invalid']),
    balance: (endpoints, { random }) => endpoints[Math.floor(random() * endpoints.length)],
  })
  expect(await users.execute(({ url }) => url)).toMatch(/^http:\/\/[ab]\.invalid$/)
  await users.close()
})
