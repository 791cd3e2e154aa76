import { globSync, readFileSync } from 'node:fs'
import { filesOf, withoutFiles, type PageFile } from './programs.ts'

/** The TypeScript of one Markdown page, as one module. */
export interface Page {
  readonly path: string
  readonly code: string
  /** Blocks that are taken out, with the reasons given. */
  readonly ignored: readonly string[]
  /** Modules that the blocks import. */
  readonly files: readonly PageFile[]
}

/** A ```ts block, and the HTML comment `<!-- given … -->` right before it: code that readers need not see. */
const BLOCK = /(?:<!-- given\n(?<given>[^]*?)-->\s*)?^```ts(?<mark>[^\n]*)\n(?<code>[^]*?)^```$/dgm

const IMPORT = /^import\s[^]*?from\s+'[^']+'$|^import\s+'[^']+'$/gm

export function pages(root: URL): Page[] {
  return globSync(['README.md', 'docs/**/*.md'], { cwd: root })
    .toSorted()
    .map((path) => toPage(path, readFileSync(new URL(path, root), 'utf8')))
    .filter(({ code, ignored }) => code !== '' || ignored.length > 0)
}

/**
 * Each block may use what the blocks before it declare, and may declare the same names again: so each is a scope
 * inside of the one before. Lines stay where they are, that an error names the line of the page.
 */
export function toPage(path: string, whole: string): Page {
  const files = filesOf(path, whole)
  const markdown = withoutFiles(whole)
  const ignored: string[] = []
  const imports = new Set<string>()
  const lines: string[] = markdown.split('\n').map(() => '')
  let depth = 0
  for (const match of markdown.matchAll(BLOCK)) {
    const { mark = '' } = match.groups ?? {}
    if (mark !== '') {
      if (!/^ ignore: ./.test(mark))
        throw new Error(`${path}: "ts${mark}" is neither "ts" nor "ts ignore: <reason>"`)
      ignored.push(mark)
      continue
    }
    for (const name of ['given', 'code']) {
      const [from, to] = match.indices?.groups?.[name] ?? [0, 0]
      const text = markdown.slice(from, to)
      for (const [statement] of text.matchAll(IMPORT)) imports.add(statement.replaceAll(/\s+/g, ' '))
      const line = markdown.slice(0, from).split('\n').length - 1
      const body = text
        .replaceAll(IMPORT, (statement) => statement.replaceAll(/[^\n]/g, ''))
        .replaceAll(/^export /gm, '')
        // Ambient declarations are for the top level only.
        .replaceAll(/^declare const (\w+)/gm, 'let $1!')
      body.split('\n').forEach((each, n) => (lines[line + n] += each))
    }
    const { length } = markdown.slice(0, match.index).split('\n')
    lines[length - 1] += '{'
    depth++
  }
  const marked = markdown.match(/^\s*```(ts|typescript)\b/gm)?.length ?? 0
  if (depth + ignored.length !== marked)
    throw new Error(`${path}: a block of TypeScript is indented or not closed`)
  if (depth === 0) return { path, code: '', ignored, files }
  return {
    path,
    code: `${merged(imports)} ${lines.join('\n')}${'}'.repeat(depth)}\nexport {}\n`,
    ignored,
    files,
  }
}

/** One line of imports, none of them twice. */
function merged(statements: Iterable<string>): string {
  const names = new Map<string, Set<string>>()
  const others: string[] = []
  for (const statement of statements) {
    const [, type = '', list, from = ''] = /^import (type )?\{(.*)\} from ('.*')$/.exec(statement) ?? []
    if (list === undefined) {
      others.push(statement)
      continue
    }
    const known = names.get(from) ?? new Set()
    names.set(from, known)
    for (const name of list.split(',')) if (name.trim() !== '') known.add(`${type}${name.trim()}`)
  }
  const named = [...names].map(([from, known]) => {
    const wanted = [...known].filter(
      (name) => !known.has(name.replace(/^type /, '')) || !name.startsWith('type '),
    )
    return `import { ${wanted.join(', ')} } from ${from}`
  })
  return [...others, ...named].map((statement) => `${statement};`).join(' ')
}
