import { mkdirSync, writeFileSync } from 'node:fs'
import ts from 'typescript'
import { formatted } from '../../scripts/format.ts'
import { slug } from '../slug.ts'
import { write, type Written } from './page.ts'
import { fileOf, readProgram, type Entry } from './program.ts'
import { pageOf, pagesOfReference } from './pages.ts'

/** Writes the pages of the API reference into the folder. Fails where a public name has no doc comment. */
export async function writeReference(folder: URL): Promise<void> {
  const { checker, entries } = readProgram()
  const format = async (code: string): Promise<string> =>
    await formatted('reference.d.ts', code, { printWidth: 100 })

  const pages = new Map(pagesOfReference.map(({ page }) => [page, new Map<string, ts.Symbol>()]))
  for (const entry of entries) share(entry, pages)
  const homes = new Map<string, { page: string; symbol: ts.Symbol }>()
  for (const [page, names] of pages)
    for (const [name, symbol] of names) if (!homes.has(name)) homes.set(name, { page, symbol })

  const asIs = (code: string): Promise<string> => Promise.resolve(code)
  const bare: string[] = []
  mkdirSync(new URL('reference/', folder), { recursive: true })
  for (const { page, title, text } of pagesOfReference) {
    const names = pages.get(page)
    if (names === undefined || names.size === 0) throw new Error(`${page}: a page without a name`)
    const hidden = new Map<string, ts.Symbol>()
    const linkTo = (name: string, symbol?: ts.Symbol): string | undefined => {
      const anchor = `#${slug(name)}`
      const here = names.get(name) ?? hidden.get(name)
      if (here !== undefined && (symbol ?? here) === here) return anchor
      const home = homes.get(name)
      return home === undefined || (symbol ?? home.symbol) !== home.symbol
        ? undefined
        : `${home.page}.md${anchor}`
    }
    const keep = ({ types }: Written): void => {
      for (const [name, type] of types)
        if (linkTo(name, type) === undefined && !names.has(name) && !isComputed(type)) hidden.set(name, type)
    }
    const lines = [`# ${title}`, '', text, '']
    for (const [name, symbol] of names) {
      const written = await write(checker, name, symbol, linkTo, asIs)
      if (written.isBare) bare.push(name)
      bare.push(...written.bare)
      keep(written)
      // Again, now that it is known which types follow below.
      lines.push((await write(checker, name, symbol, linkTo, format)).markdown)
    }
    const behind: string[] = []
    // The map grows while it is read: a type may name another.
    for (const [name, symbol] of hidden) {
      keep(await write(checker, name, symbol, linkTo, asIs))
      behind.push((await write(checker, name, symbol, linkTo, format)).markdown.replace(/^## /, '### '))
    }
    if (behind.length > 0)
      lines.push(
        '## Types that have no name to import',
        '',
        'They are parts of the types above.',
        '',
        ...behind,
      )
    writeFileSync(new URL(`reference/${page}.md`, folder), lines.join('\n'))
  }

  if (bare.length > 0) throw new Error(`public names without a doc comment:\n${bare.join('\n')}`)
  console.log(`reference: ${homes.size} public names, each with a doc comment`)
}

/** A type that only works out another one says nothing to a reader. */
function isComputed(symbol: ts.Symbol): boolean {
  return symbol.declarations?.some((each) => ts.isTypeAliasDeclaration(each) && each.typeParameters) === true
}

/** Puts the names of an entry point on their page: values first, each group in the order of the source. */
function share({ specifier, exports }: Entry, pages: ReadonlyMap<string, Map<string, ts.Symbol>>): void {
  const isValue = ([name]: [string, ts.Symbol]): boolean => /^[a-z]/.test(name)
  const all = [...exports].toSorted((a, b) => Number(isValue(b)) - Number(isValue(a)))
  for (const [name, symbol] of all) {
    const node = symbol.declarations?.[0]
    const page = pageOf(specifier, (node && fileOf(node)) ?? '')
    const names = pages.get(page)
    if (names === undefined)
      throw new Error(`${specifier} ${name}: ${page} is not in site/reference/pages.ts`)
    names.set(name, symbol)
  }
}
