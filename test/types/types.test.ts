import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { beforeAll, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const TIMEOUT = 120_000

/** What tsc has to say. */
async function tsc(...args: string[]): Promise<string> {
  const program = ['node_modules/typescript/bin/tsc', ...args]
  try {
    return (await promisify(execFile)(process.execPath, program, { cwd: root })).stdout
  } catch (error) {
    return (error as { stdout: string }).stdout
  }
}

// What users see are the declarations, not the sources.
beforeAll(async () => {
  await tsc(
    '-p',
    'tsconfig.build.json',
    '--emitDeclarationOnly',
    '--declarationMap',
    'false',
    '--outDir',
    'node_modules/.cache/outrigger-types',
  )
}, TIMEOUT)

it.each([
  ['with lib.dom', 'dom'],
  ['without lib.dom', 'node'],
])('%s, good uses compile and bad ones do not', { timeout: TIMEOUT }, async (_name, project) => {
  expect(await tsc('-p', `test/types/${project}`)).toBe('')
})
