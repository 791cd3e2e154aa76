import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, expect, it } from 'vitest'
import { emitDeclarations, tsc } from '../support/tsc.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const cache = 'node_modules/.cache/outrigger-typed'
const TIMEOUT = 120_000

beforeAll(() => emitDeclarations(cache), TIMEOUT)

it.each([
  ['with lib.dom', 'dom'],
  ['without lib.dom', 'node'],
])('%s, schemas and contracts are checked and narrowed', { timeout: TIMEOUT }, async (_name, project) => {
  expect(await tsc('-p', `test/typed/${project}`)).toBe('')
})

const MISTAKES = `
import { createClient, fixed, type OpenAPI, type StandardSchema } from 'outrigger'
import type { paths } from '../../../test/typed/cases/users.ts'

declare const schema: StandardSchema
const options = { service: 'user-service', source: fixed([]) }
const users = createClient<OpenAPI<paths>>(options)
const orders = createClient({
  ...options,
  routes: { 'GET /orders': { responses: { 200: schema } }, 'POST /orders': { body: schema } },
})

await users('GET /usrs/{id}', { params: { id: 42 } })
await users('PUT /users')
await users('GET /users/{id}', {})
await orders('PATCH /orders')
await orders('')
`

// The file is not part of the project, because it must not compile.
it('the compiler says what is wrong with a call', { timeout: TIMEOUT }, async () => {
  const folder = join(root, 'node_modules/.cache/outrigger-mistakes')
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'mistakes.mts'), MISTAKES)
  const config = { extends: join(root, 'test/typed/node/tsconfig.json'), include: ['mistakes.mts'] }
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(config))
  const messages = await tsc('-p', folder)
  expect(messages).toContain(`not assignable to parameter of type '"the schema has no path /usrs/{id}"'`)
  expect(messages).toContain(`not assignable to parameter of type '"GET /users" | "POST /users"'`)
  // The same for incomplete calls, for completion in editors.
  expect(messages.match(/parameter of type '"GET \/orders" \| "POST \/orders"'/g)).toHaveLength(2)
  expect(messages).toContain(`Property 'params' is missing`)
  expect(messages.match(/error TS/g)).toHaveLength(5)
})
