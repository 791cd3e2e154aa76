import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'

// my-registry.ts is type-checked with everything else and runs in source-suite.test.ts.
it('the docs show the source that the suite runs, in at most 30 lines', () => {
  const read = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8')
  const [, snippet = ''] = /```ts\n(.*?)```/s.exec(read('../../docs/registries/write-your-own.md')) ?? []
  expect(snippet).toBe(read('my-registry.ts').replace(`'../../src/registry/source.ts'`, `'outrigger'`))
  const source = snippet.slice(snippet.indexOf('export function mySource'), snippet.indexOf('/** `PUT`'))
  expect(source.trim().split('\n').length).toBeLessThanOrEqual(30)
})
