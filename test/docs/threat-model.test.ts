import { existsSync, readFileSync } from 'node:fs'
import { expect, it } from 'vitest'

const root = new URL('../../', import.meta.url)

it('docs/threat-model.md names tests that are there', () => {
  const page = readFileSync(new URL('docs/threat-model.md', root), 'utf8')
  const named = [...page.matchAll(/`(test\/[\w/.-]+)`/g)].map(([, path = '']) => path)
  expect(named.length).toBeGreaterThan(20)
  expect(named.filter((path) => !existsSync(new URL(path, root)))).toEqual([])
})
