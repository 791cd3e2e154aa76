import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { pages, toPage } from './snippets.ts'

const root = new URL('../../', import.meta.url)
mkdirSync(new URL('.cache/', root), { recursive: true })
// Inside the package, where its own name means its sources.
const folder = mkdtempSync(fileURLToPath(new URL('.cache/snippets-', root)))
afterAll(() => rmSync(folder, { recursive: true }))

describe('the TypeScript in the documentation', () => {
  it('compiles against the sources, under the settings of the repository', { timeout: 120_000 }, () => {
    for (const { path, code, files } of pages(root)) {
      const file = join(folder, `${path}.ts`)
      mkdirSync(dirname(file), { recursive: true })
      writeFileSync(file, code)
      for (const each of files) writeFileSync(join(dirname(file), each.name), each.code)
    }
    // An example may declare what it does not use, and needs no types for a declaration file.
    const compilerOptions = {
      noUnusedLocals: false,
      noUnusedParameters: false,
      isolatedDeclarations: false,
      declaration: false,
    }
    const config = { extends: '../../tsconfig.json', compilerOptions, include: ['**/*.ts'] }
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config))
    const tsc = fileURLToPath(new URL('node_modules/typescript/bin/tsc', root))
    const { stdout } = spawnSync(process.execPath, [tsc, '-p', '.', '--pretty', 'false'], {
      cwd: folder,
      encoding: 'utf8',
    })
    expect(stdout.trim().replaceAll('.md.ts(', '.md(').split('\n')).toEqual([''])
  })

  it('is read block by block: later ones see what earlier ones declare, and may hide it', () => {
    const block = (...lines: string[]): string => ['```ts', ...lines, '```'].join('\n')
    const page = [
      block("import { a } from 'a'", 'export const x = a'),
      '<!-- given',
      'declare const y: number',
      '-->',
      '',
      block("import { a, type B } from 'a'", 'const x: B = y'),
    ]
    expect(toPage('page.md', page.join('\n')).code.split('\n')).toEqual([
      "import { a, type B } from 'a'; {",
      '',
      'const x = a',
      '',
      '{',
      'let y!: number',
      '',
      '',
      '',
      '',
      'const x: B = y',
      '}}',
      'export {}',
      '',
    ])
  })

  it('may be a file of its own, which the blocks import', () => {
    const page = ['<!-- file: b.ts -->', '', '```ts', 'export const b = 1', '```', '```ts', 'c()', '```']
    const { code, files } = toPage('page.md', page.join('\n'))
    expect(files).toEqual([{ name: 'b.ts', code: 'export const b = 1\n' }])
    expect(code.split('\n').indexOf('c()')).toBe(6)
  })

  it('is left out only for a reason, and not by mistake', () => {
    expect(toPage('page.md', '```ts ignore: of another library\nx\n```').ignored).toEqual([
      ' ignore: of another library',
    ])
    expect(() => toPage('page.md', '```ts ignore\nx\n```')).toThrow('ignore: <reason>')
    expect(() => toPage('page.md', '  ```ts\n  x\n  ```')).toThrow('indented')
    expect(() => toPage('page.md', '```typescript\nx\n```')).toThrow('indented')
  })
})
