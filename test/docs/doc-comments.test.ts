import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { examples, examplesOf } from './doc-comments.ts'

const root = new URL('../../', import.meta.url)
mkdirSync(new URL('.cache/', root), { recursive: true })
// Inside the package, where its own name means its sources.
const folder = mkdtempSync(fileURLToPath(new URL('.cache/doc-comments-', root)))
afterAll(() => rmSync(folder, { recursive: true }))

describe('the examples in doc comments', () => {
  it('compile against the sources, under the settings of the repository', { timeout: 120_000 }, () => {
    const all = examples(root)
    expect(all.length).toBeGreaterThan(50)
    const nameOf = (place: string): string => place.replaceAll(/[/:]/g, '_')
    const places = new Map<string, string>()
    all.forEach(({ place, code }, index) => {
      const name = `${nameOf(place)}_${index}.ts`
      places.set(name, place)
      writeFileSync(join(folder, name), code)
    })
    // What an example imports beside the package.
    writeFileSync(join(folder, 'user-service.ts'), 'export interface paths {}\n')
    const compilerOptions = {
      verbatimModuleSyntax: false,
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
    const named = stdout.trim().replaceAll(/^[\w.-]+\.ts(?=\()/gm, (name) => places.get(name) ?? name)
    expect(named.split('\n')).toEqual([''])
  })

  it('are read with what they use: exports of the package, and values of the reader', () => {
    const text = [
      '/**',
      ' * Says.',
      ' * @example',
      ' * const users = createClient({ source })',
      ' */',
      'x',
    ].join('\n')
    const [example] = examplesOf('src/a.ts', text, new Map([['createClient', 'outrigger']]))
    expect(example?.place).toBe('src/a.ts:1')
    expect(example?.code).toContain("import { createClient } from 'outrigger'")
    expect(example?.code).toContain('declare const source:')
    expect(example?.code).not.toContain('declare const users')
  })

  it('of a member of an interface are checked as that member', () => {
    const text = 'export interface Options {\n  /**\n   * @example\n   * limit: 5\n   */\n  limit: number\n}'
    const [example] = examplesOf('src/a.ts', text, new Map([['Options', 'outrigger']]))
    expect(example?.code).toContain('const example: Partial<Options> = {\nlimit: 5\n}')
  })
})
