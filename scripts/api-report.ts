import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import manifest from '../package.json' with { type: 'json' }

/**
 * Writes the declarations of all public names to docs/api.txt, so that a review shows changes of the public API. With
 * --check, fails if the file differs from the sources.
 */
const FILE = 'docs/api.txt'
const KINDS = 'const|function|class|interface|type|enum'
const DECLARATION = new RegExp(`^export (?:declare )?(?:abstract )?(?:${KINDS}) ([\\w$]+)`)
const out = mkdtempSync(join(tmpdir(), 'outrigger-api-'))

/** Returns the top-level statements of a declaration file, without comments. */
function statements(path: string): string[] {
  const text = readFileSync(path, 'utf8').replaceAll(/^[ \t]*\/\*\*?[^]*?\*\/[ \t]*\n|^\/\/#.*$/gm, '')
  return text.split(/\n(?=[a-z])/).map((statement) => statement.trim())
}

/** Returns the public declarations of an entry point, by the file that contains them. */
function collect(path: string, wanted: ReadonlySet<string> | undefined, found: Map<string, string[]>): void {
  for (const statement of statements(path)) {
    const [, names, from] = /^export (?:type )?(?:\{([^}]*)\}|\*) from '([^']+)'/.exec(statement) ?? []
    if (from !== undefined) {
      if (!from.startsWith('.')) continue
      const target = join(dirname(path), from.replace(/\.[jt]s$/, '.d.ts'))
      const all = names?.split(',').map(
        (name) =>
          name
            .replace(/^\s*type\s+/, '')
            .split(' as ')[0]
            ?.trim() ?? '',
      )
      collect(target, all && new Set(all.filter((name) => !wanted || wanted.has(name))), found)
      continue
    }
    const name = DECLARATION.exec(statement)?.[1]
    if (name === undefined || (wanted && !wanted.has(name))) continue
    const key = relative(out, path)
    const list = found.get(key) ?? []
    if (!list.includes(statement)) found.set(key, [...list, statement])
    // Inherited members are public too.
    const [, bases = ''] = /^export interface [^{]*? extends ([^{]*)/.exec(statement) ?? []
    const inherited = new Set(bases.split(/[\s,<>]+/).filter((base) => base !== '' && !wanted?.has(base)))
    if (wanted && inherited.size > 0) collect(path, inherited, found)
  }
}

/**
 * Returns the names whose declaration in the sources has no doc comment. The build of the site checks their members
 * too.
 */
function undocumented(file: string, list: readonly string[]): string[] {
  const source = readFileSync(join('src', file.replace(/\.d\.ts$/, '.ts')), 'utf8')
  return list.flatMap((statement) => {
    const [, name = ''] = DECLARATION.exec(statement) ?? []
    return new RegExp(`\\*/\\nexport [^\\n]*\\b(?:${KINDS}) ${name.replace('$', '\\$')}\\b`).test(source)
      ? []
      : [name]
  })
}

try {
  execFileSync('tsc', ['-p', 'tsconfig.build.json', '--outDir', out, '--emitDeclarationOnly'], {
    stdio: 'inherit',
  })
  const parts: string[] = []
  const bare = new Set<string>()
  for (const [subpath, target] of Object.entries(manifest.exports)) {
    if (typeof target === 'string' || !('types' in target)) continue
    const found = new Map<string, string[]>()
    collect(join(out, target.types.slice('./dist/'.length)), undefined, found)
    parts.push(`#### ${join('outrigger', subpath)}`)
    for (const [file, list] of found) {
      parts.push(`// ${file}`, list.join('\n'))
      for (const name of undocumented(file, list)) bare.add(name)
    }
  }
  if (bare.size > 0) {
    console.error(`These public names have no doc comment: ${[...bare].join(', ')}`)
    process.exitCode = 1
  }
  const report = `${parts.join('\n\n')}\n`
  if (!process.argv.includes('--check')) writeFileSync(FILE, report)
  else if (readFileSync(FILE, 'utf8') === report) console.log(`The public surface is what ${FILE} says.`)
  else {
    console.error(
      `The public surface differs from ${FILE}. If that is meant: npm run api, and commit the difference.`,
    )
    process.exitCode = 1
  }
} finally {
  rmSync(out, { recursive: true })
}
