import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { CHILD_TIMEOUT } from '../support/child.ts'
import { programs, programsOf, type Program } from './programs.ts'

const root = new URL('../../', import.meta.url)
mkdirSync(new URL('.cache/', root), { recursive: true })
// Inside the package, where its own name means its sources.
const folder = mkdtempSync(fileURLToPath(new URL('.cache/programs-', root)))
afterAll(() => rmSync(folder, { recursive: true }))

const vitest = fileURLToPath(new URL('node_modules/vitest/vitest.mjs', root))
const CONFIG = `export default {
  ssr: { resolve: { conditions: ['@outrigger/source', 'node', 'import', 'default'] } },
  test: { include: ['*.test.ts'] },
}`

async function run({ page, name, code }: Program): Promise<{ status: number | null; output: string }> {
  const directory = join(folder, `${page.replaceAll('/', '-')}-${name}`)
  mkdirSync(directory)
  const isForVitest = code.includes("from 'vitest'")
  const file = join(directory, isForVitest ? 'page.test.ts' : 'page.ts')
  writeFileSync(file, code)
  writeFileSync(join(directory, 'vitest.config.js'), CONFIG)
  const args = isForVitest ? [vitest, 'run'] : ['--conditions=@outrigger/source', file]
  const { VITEST: _, ...env } = process.env
  const child = spawn(process.execPath, args, {
    cwd: directory,
    env: { ...env, NODE_OPTIONS: '', NO_COLOR: '1' },
    timeout: CHILD_TIMEOUT - 5_000,
  })
  const output = Promise.all([text(child.stdout), text(child.stderr)])
  const [status] = (await once(child, 'close')) as [number | null]
  return { status, output: (await output).join('\n') }
}

describe('a program in the documentation', () => {
  const found = programs(root)

  it.each(found.map((program) => [`${program.page} ${program.name}`, program] as const))(
    '%s runs as it stands, and ends by itself',
    { timeout: CHILD_TIMEOUT },
    async (_name, program) => {
      const { status, output } = await run(program)
      expect(status, output).toBe(0)
    },
  )

  it('is one of many', () => {
    expect(found.length).toBeGreaterThan(5)
  })

  it('that fails is noticed', { timeout: CHILD_TIMEOUT }, async () => {
    const { status, output } = await run({
      page: 'none',
      name: 'throws',
      code: "throw new Error('as meant')",
    })
    expect(status).toBe(1)
    expect(output).toContain('as meant')
  })

  it('must follow its mark', () => {
    expect(() => programsOf('page.md', '<!-- run: x -->\n\ntext\n')).toThrow('page.md')
    expect(programsOf('page.md', '<!-- run: x -->\n\n```ts\na()\n```')).toEqual([
      { page: 'page.md', name: 'x', code: 'a()\n' },
    ])
  })
})
