import { readFile } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { createClient, fixed } from '../../src/index.ts'

/** The options that are known, as the refusal of an unknown one lists them. */
function known(options: object): string[] {
  try {
    createClient({ service: 'svc', source: fixed([]), ...options })
  } catch (error) {
    return /known: (.*)/.exec((error as Error).message)?.[1]?.split(', ') ?? []
  }
  return []
}

it.each<[string, object]>([
  ['client', { nope: 1 }],
  ['route', { routes: { 'GET /': { nope: 1 } } }],
])('docs/options.md names every option of a %s', async (_of, unknown) => {
  const page = await readFile(new URL('../../docs/options.md', import.meta.url), 'utf8')
  const options = known(unknown)
  expect(options.length).toBeGreaterThan(15)
  expect(options.filter((option) => !page.includes(`\`${option}\``))).toEqual([])
})
