import { posix } from 'node:path'

/** The files of a source tree: path below `src`, and text. */
export type Sources = ReadonlyMap<string, string>

/** An import: who imports, and what is written between the quotes. */
interface Import {
  readonly from: string
  readonly specifier: string
}

const COMMENT = /^\s*(?:\/\/|\/?\*).*$/gm
const IMPORTS = [
  /^(?:import|export)\b[^'"]*?\bfrom\s*['"]([^'"]+)['"]/gm,
  /^import\s*['"]([^'"]+)['"]/gm,
  /\b(?:import|require)\(\s*['"]([^'"]+)['"]/g,
]

function importsOf(sources: Sources): Import[] {
  const found: Import[] = []
  for (const [from, text] of sources) {
    const code = text.replaceAll(COMMENT, '')
    for (const pattern of IMPORTS) {
      for (const [, specifier = ''] of code.matchAll(pattern)) found.push({ from, specifier })
    }
  }
  return found
}

/** `fleet/` for a file in that folder, `clock` for `clock.ts`: as docs/architecture.md lists them. */
function placeOf(path: string): string {
  const slash = path.indexOf('/')
  return slash < 0 ? path.replace(/\.\w+$/, '') : path.slice(0, slash + 1)
}

/** The imports that leave their folder, by place. */
function arrows(sources: Sources): { readonly file: string; readonly from: string; readonly to: string }[] {
  return importsOf(sources)
    .filter(({ specifier }) => specifier.startsWith('.'))
    .map(({ from, specifier }) => {
      const target = posix.join(posix.dirname(from), specifier)
      return { file: from, from: placeOf(from), to: placeOf(target) }
    })
    .filter(({ from, to }) => from !== to && to !== '../')
}

/** The folders and files that a page lists under `## Folders`, in its order: the names at the start of each line of the block. */
export function listedPlaces(page: string): string[] {
  const block = /^## Folders\n[\s\S]*?^```\n([\s\S]*?)^```/m.exec(page)?.[1]
  if (block === undefined) throw new Error('the page has no block under "## Folders"')
  return block.split('\n').flatMap((line) => {
    const names = /^[a-z-]+\/?(?: [a-z-]+\/?)*(?= {2}|$)/.exec(line)?.[0]
    return names?.split(' ') ?? []
  })
}

/** Places that are not listed, and listed ones that do not exist. */
export function listingMistakes(sources: Sources, listed: readonly string[]): string[] {
  const real = new Set([...sources.keys()].map(placeOf))
  return [
    ...[...real].filter((place) => !listed.includes(place)).map((place) => `${place} is not listed`),
    ...listed.filter((place) => !real.has(place)).map((place) => `${place} does not exist`),
    ...listed.filter((place, i) => listed.indexOf(place) !== i).map((place) => `${place} is listed twice`),
  ]
}

/** Imports from a place that the list has later. */
export function backwardImports(sources: Sources, listed: readonly string[]): string[] {
  return arrows(sources)
    .filter(({ from, to }) => listed.indexOf(from) < listed.indexOf(to))
    .map(({ file, to }) => `${file} imports from ${to}, which is later in the list`)
}

/** Places that import each other, directly or in a circle: one line for each circle that is found. */
export function cycles(sources: Sources): string[] {
  const next = Map.groupBy(arrows(sources), ({ from }) => from)
  const found: string[] = []
  const done = new Set<string>()
  const visit = (place: string, path: readonly string[]): void => {
    const start = path.indexOf(place)
    if (start >= 0) found.push([...path.slice(start), place].join(' → '))
    if (start >= 0 || done.has(place)) return
    for (const to of new Set(next.get(place)?.map((arrow) => arrow.to))) visit(to, [...path, place])
    done.add(place)
  }
  for (const place of next.keys()) visit(place, [])
  return found
}

/** Files of more than `most` lines. */
export function longFiles(sources: Sources, most: number): string[] {
  return [...sources]
    .map(([path, text]) => ({ path, lines: text.split('\n').length - (text.endsWith('\n') ? 1 : 0) }))
    .filter(({ lines }) => lines > most)
    .map(({ path, lines }) => `${path} has ${lines} lines, more than ${most}`)
}

/** `undici` for `undici/types` too, `@scope/name` for its subpaths; undefined for files and for Node's own modules. */
function packageOf(specifier: string): string | undefined {
  if (/^(?:\.|node:)/.test(specifier)) return undefined
  return /^(?:@[^/]+\/)?[^/]+/.exec(specifier)?.[0]
}

/** Files that import `name`, except the one that may. */
export function otherImporters(sources: Sources, name: string, allowed: string): string[] {
  return importsOf(sources)
    .filter(({ from, specifier }) => packageOf(specifier) === name && from !== allowed)
    .map(({ from }) => `${from} imports ${name}: only ${allowed} may`)
}

/** What package.json says of dependencies. */
export interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
}

/** Dependencies that every user installs, beside those in `known`. */
export function moreDependencies({ dependencies = {} }: Manifest, known: readonly string[]): string[] {
  return Object.keys(dependencies)
    .filter((name) => !known.includes(name))
    .map((name) => `package.json depends on ${name}: only ${known.join(', ')} may be there`)
}

/** Imports of packages that package.json does not name, so that a user may not have them. */
export function missingDependencies(
  sources: Sources,
  { dependencies = {}, peerDependencies = {} }: Manifest,
): string[] {
  return importsOf(sources).flatMap(({ from, specifier }) => {
    const name = packageOf(specifier)
    if (name === undefined || name in dependencies || name in peerDependencies) return []
    return [`${from} imports ${name}, which package.json does not name`]
  })
}
