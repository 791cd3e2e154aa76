import { expect, it } from 'vitest'
import { serveDashboard, type ServedDashboard } from '../../src/dashboard.ts'
import { createClient, fixed, type Source } from '../../src/index.ts'

const source = fixed(['http://127.0.0.1:9'])

/** Returns the text of the stream once `fits` returns true. */
async function read({ url }: ServedDashboard, fits: (text: string) => boolean): Promise<string> {
  let text = ''
  for await (const piece of (await fetch(`${url}events`)).body!.pipeThrough(new TextDecoderStream())) {
    text += piece
    if (fits(text)) return text
  }
  throw new Error('the stream ended')
}

it('an error of the registry is shown without its credentials', async () => {
  const failing: Source = {
    // oxlint-disable-next-line require-yield
    async *watch() {
      throw new Error('GET http://root:hunter2@registry:8500/v1?token=hunter2 refused')
    },
  }
  await using users = createClient({ service: 'users', source: failing })
  users.on('source:stale', () => {})
  await using page = await serveDashboard(users)
  const told = await read(page, (text) => text.includes('registry:8500') && text.endsWith('\n\n'))
  const explained = await (await fetch(`${page.url}explain?service=users`)).text()
  expect(explained).toContain('registry:8500')
  expect(told + explained).not.toContain('hunter2')
})

it('a client that cannot be read hides no other client', async () => {
  await using users = createClient({ service: 'users', source })
  const broken = new Proxy(users, {
    get: (target, name) =>
      name === 'snapshot'
        ? () => {
            throw new Error('boom')
          }
        : (Reflect.get(target, name) as unknown),
  })
  await using page = await serveDashboard([broken, users])
  const text = await read(page, (text) => text.includes('data: ') && text.endsWith('\n\n'))
  expect(text).toContain('"name":"users"')
  expect(text).toContain('could not read a client')
})

it('names with 10,000 characters and line breaks are shortened to one line, and the id is complete', async () => {
  const long = 'x'.repeat(10_000)
  const id = `a\n0 of 9 instances may be picked\r${long}`
  const instances = [{ id, url: 'http://127.0.0.1:9', zone: long, metadata: { version: long } }]
  await using users = createClient({ service: 'users', source: fixed(instances) })
  await users.ready()
  await using page = await serveDashboard(users)
  const text = await read(page, (text) => text.includes('data: ') && text.endsWith('\n\n'))
  const { services } = JSON.parse(/^data: (.*)$/m.exec(text)?.[1] ?? '') as {
    services: { instances: { id: string[]; zone: string[]; version: string[] } }[]
  }
  const shown = services[0]?.instances
  expect([shown?.id, shown?.zone[0]?.length, shown?.version[0]?.length]).toEqual([[id], 1_000, 1_000])
  const answer = await fetch(`${page.url}explain?service=users`)
  const { text: table } = (await answer.json()) as { text: string }
  expect(table.split('\n').map((line) => line.length > 200)).not.toContain(true)
  expect(table).toMatch(/^plan: attempts: \d, hedges: 0, .*breaker of the instance, priority \w+$/m)
  expect(table).toMatch(/^a\\u\{a\}0 of 9 instances may be picked\\u\{d\}x+…  /m)
})
