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

interface Ended {
  status: number | null
  stdout: string
  output: string
}

async function run({ page, name, code, files }: Program): Promise<Ended> {
  const directory = join(folder, `${page.replaceAll('/', '-')}-${name}`)
  mkdirSync(directory)
  const isForVitest = code.includes("from 'vitest'")
  const file = join(directory, isForVitest ? 'page.test.ts' : 'page.ts')
  writeFileSync(file, code)
  for (const each of files) writeFileSync(join(directory, each.name), each.code)
  writeFileSync(join(directory, 'vitest.config.js'), CONFIG)
  const args = isForVitest ? [vitest, 'run'] : ['--conditions=@outrigger/source', file]
  const { VITEST: _, ...env } = process.env
  const child = spawn(process.execPath, args, {
    cwd: directory,
    env: { ...env, NODE_OPTIONS: '', NO_COLOR: '1' },
    timeout: CHILD_TIMEOUT - 5_000,
  })
  const written = Promise.all([text(child.stdout), text(child.stderr)])
  const [status] = (await once(child, 'close')) as [number | null]
  const [stdout, stderr] = await written
  return { status, stdout, output: `${stdout}\n${stderr}` }
}

describe.concurrent('a program in the documentation', () => {
  const found = programs(root)

  it.each(found.map((program) => [`${program.page} ${program.name}`, program] as const))(
    '%s runs as it stands, prints what the page says, and ends by itself',
    { timeout: CHILD_TIMEOUT },
    async (_name, program) => {
      const { status, stdout, output } = await run(program)
      expect(status, output).toBe(0)
      if (program.prints !== undefined) expect(stdout).toBe(program.prints)
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
      files: [],
    })
    expect(status).toBe(1)
    expect(output).toContain('as meant')
  })

  it('may import the files of its page', { timeout: CHILD_TIMEOUT }, async () => {
    const files = [{ name: 'one.ts', code: 'export const one: number = 1' }]
    const code = "import { one } from './one.ts'\nconsole.log(one)"
    const { status, stdout, output } = await run({ page: 'none', name: 'imports', code, files })
    expect(status, output).toBe(0)
    expect(stdout).toBe('1\n')
  })

  it('must follow its mark', () => {
    for (const mark of ['run: x', 'file: x.ts', 'prints'])
      expect(() => programsOf('page.md', `<!-- ${mark} -->\n\ntext\n`)).toThrow('page.md')
    expect(programsOf('page.md', '<!-- run: x -->\n\n```ts\na()\n```')).toEqual([
      { page: 'page.md', name: 'x', code: 'a()\n', files: [] },
    ])
  })

  it('is read with what it prints, and with the files of its page', () => {
    const page = [
      '<!-- file: b.ts -->\n\n```ts\nexport const b = 1\n```',
      '<!-- run: x -->\n\n```ts\na()\n```',
      '<!-- prints -->\n\n```text\n1\n```',
    ].join('\n\n')
    expect(programsOf('page.md', page)).toEqual([
      {
        page: 'page.md',
        name: 'x',
        code: 'a()\n',
        prints: '1\n',
        files: [{ name: 'b.ts', code: 'export const b = 1\n' }],
      },
    ])
  })
})
