import { beforeAll, expect, it } from 'vitest'
import { emitDeclarations, tsc } from '../support/tsc.ts'

const TIMEOUT = 120_000

beforeAll(() => emitDeclarations('node_modules/.cache/outrigger-types'), TIMEOUT)

it.each([
  ['with lib.dom', 'dom'],
  ['without lib.dom', 'node'],
])('%s, good uses compile and bad ones do not', { timeout: TIMEOUT }, async (_name, project) => {
  expect(await tsc('-p', `test/types/${project}`)).toBe('')
})
