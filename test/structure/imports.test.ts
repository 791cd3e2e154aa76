import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import manifest from '../../package.json' with { type: 'json' }
import {
  backwardImports,
  cycles,
  listedPlaces,
  listingMistakes,
  longFiles,
  missingDependencies,
  moreDependencies,
  otherImporters,
  type Sources,
} from './structure.ts'

const root = new URL('../../', import.meta.url)
const RUNTIME_DEPENDENCIES = ['eventemitter3', 'p-retry', 'undici']
const MOST_LINES = 300

function readSources(): Sources {
  const src = fileURLToPath(new URL('src', root))
  const files = readdirSync(src, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  const paths = files.map((entry) => join(entry.parentPath, entry.name))
  return new Map(paths.map((path) => [relative(src, path), readFileSync(path, 'utf8')]))
}

describe('src', () => {
  const sources = readSources()
  const listed = listedPlaces(readFileSync(new URL('docs/architecture.md', root), 'utf8'))

  it('was read: hundreds of files, tens of folders', () => {
    expect(sources.size).toBeGreaterThan(300)
    expect(listed.length).toBeGreaterThan(30)
  })

  it('has the folders of docs/architecture.md, and no others', () => {
    expect(listingMistakes(sources, listed)).toEqual([])
  })

  it('has no import from a folder that docs/architecture.md lists later', () => {
    expect(backwardImports(sources, listed)).toEqual([])
  })

  it('has no folders that import each other', () => {
    expect(cycles(sources)).toEqual([])
  })

  it(`has no file of more than ${MOST_LINES} lines`, () => {
    expect(longFiles(sources, MOST_LINES)).toEqual([])
  })

  it('has one file that imports undici', () => {
    expect(otherImporters(sources, 'undici', 'undici.ts')).toEqual([])
  })

  it('has three runtime dependencies, and imports no other package that is not a peer dependency', () => {
    expect(moreDependencies(manifest, RUNTIME_DEPENDENCIES)).toEqual([])
    expect(Object.keys(manifest.dependencies)).toHaveLength(RUNTIME_DEPENDENCIES.length)
    expect(missingDependencies(sources, manifest)).toEqual([])
  })
})

describe('each check fails on a breach', () => {
  const page =
    '# A\n\n## Folders\n\nText.\n\n```\nclock errors\nlow/  words/ in a description\n      more\nhigh/ top  ends\n```\n'
  const listed = ['clock', 'errors', 'low/', 'high/', 'top']
  const tree = (files: Record<string, string>): Sources => new Map(Object.entries(files))
  const good = tree({
    'clock.ts': "import { hrtime } from 'node:process'\n",
    'errors.ts': '',
    'low/a.ts': "import { now } from '../clock.ts'\nimport './b.ts'\n",
    'low/b.ts': '',
    'high/deep/a.ts': "import type { A } from '../../low/a.ts'\nexport { now } from '../../clock.ts'\n",
    'top.ts': "import manifest from '../package.json' with { type: 'json' }\nimport './high/deep/a.ts'\n",
  })
  const but = (files: Record<string, string>): Sources => new Map([...good, ...Object.entries(files)])

  it('the list is the names at the start of the lines', () => {
    expect(listedPlaces(page)).toEqual(listed)
    expect(() => listedPlaces('# A page without one')).toThrow('no block')
  })

  it('and nothing is found where nothing is wrong', () => {
    expect(listingMistakes(good, listed)).toEqual([])
    expect(backwardImports(good, listed)).toEqual([])
    expect(cycles(good)).toEqual([])
    expect(longFiles(good, 2)).toEqual([])
    expect(otherImporters(good, 'undici', 'undici.ts')).toEqual([])
    expect(missingDependencies(good, {})).toEqual([])
  })

  it('a folder that is not listed, one that is gone, one that is listed twice', () => {
    expect(listingMistakes(but({ 'new/a.ts': '' }), listed)).toEqual(['new/ is not listed'])
    expect(listingMistakes(good, [...listed, 'old/'])).toEqual(['old/ does not exist'])
    expect(listingMistakes(good, [...listed, 'low/'])).toEqual(['low/ is listed twice'])
  })

  const backward: Record<string, string> = {
    'an import': "import { a } from '../high/deep/a.ts'\n",
    'an import over lines': "import {\n  a,\n  b,\n} from '../high/deep/a.ts'\n",
    'a type import': "import type { A } from '../high/deep/a.ts'\n",
    'an import for its effects': "import '../high/deep/a.ts'\n",
    'an export': "export { a } from '../high/deep/a.ts'\n",
    'an export of all': "export * from '../high/deep/a.ts'\n",
    'a dynamic import': "export const a = () => import('../high/deep/a.ts')\n",
    "an import type's": "type A = import('../high/deep/a.ts').A\n",
  }
  it.each(Object.entries(backward))('a backward import, and so a cycle: %s', (_, text) => {
    const sources = but({ 'low/b.ts': text })
    expect(backwardImports(sources, listed)).toEqual([
      'low/b.ts imports from high/, which is later in the list',
    ])
    expect(cycles(sources)).toEqual(['low/ → high/ → low/'])
  })

  it('a cycle over three, whatever the list says', () => {
    const sources = tree({
      'a/a.ts': "import '../b/b.ts'\n",
      'b/b.ts': "import type { C } from '../c/c.ts'\n",
      'c/c.ts': "import '../a/other.ts'\nimport '../d.ts'\n",
      'd.ts': '',
    })
    expect(cycles(sources)).toEqual(['a/ → b/ → c/ → a/'])
  })

  it('an import in a comment is none', () => {
    const text = "/**\n * import { a } from '../high/deep/a.ts'\n */\n// import 'undici'\n"
    expect(backwardImports(but({ 'low/b.ts': text }), listed)).toEqual([])
    expect(otherImporters(but({ 'low/b.ts': text }), 'undici', 'undici.ts')).toEqual([])
  })

  it('a file that is a line too long', () => {
    expect(longFiles(tree({ 'a.ts': 'a\n'.repeat(300), 'b.js': 'b\n'.repeat(301) }), 300)).toEqual([
      'b.js has 301 lines, more than 300',
    ])
  })

  it.each([
    "import { Pool } from 'undici'",
    "import type P from 'undici/types/pool.js'",
    "require('undici')",
  ])('a second importer of undici: %s', (text) => {
    const sources = but({ 'undici.ts': "export { Pool } from 'undici'\n", 'low/b.ts': `${text}\n` })
    expect(otherImporters(sources, 'undici', 'undici.ts')).toEqual([
      'low/b.ts imports undici: only undici.ts may',
    ])
  })

  it('a fourth runtime dependency, in package.json or in src alone', () => {
    const dependencies = { eventemitter3: '1', 'p-retry': '1', undici: '1', lodash: '1' }
    expect(moreDependencies({ dependencies }, RUNTIME_DEPENDENCIES)).toEqual([
      'package.json depends on lodash: only eventemitter3, p-retry, undici may be there',
    ])
    const sources = but({ 'low/b.ts': "import { map } from '@scope/name/map'\nimport 'redis'\n" })
    expect(missingDependencies(sources, { peerDependencies: { redis: '6' } })).toEqual([
      'low/b.ts imports @scope/name, which package.json does not name',
    ])
  })
})
