import ts from 'typescript'
import { declarationText, memberText, membersOf, typesIn } from './declaration.ts'
import { fileOf, resolved } from './program.ts'
import { indented, linked, prose, tagsOf, type LinkTo } from './prose.ts'

/** What a page says of one name. */
export interface Written {
  readonly markdown: string
  /** Types of ours that are named here and may have no public name. */
  readonly types: ReadonlyMap<string, ts.Symbol>
  /** Members without a doc comment. */
  readonly bare: readonly string[]
  readonly isBare: boolean
}

const textOf = (of: ts.Symbol | ts.Signature, checker: ts.TypeChecker): string =>
  ts.displayPartsToString(of.getDocumentationComment(checker))

/** The declarations to show: without the implementation below overloads. */
function shown(symbol: ts.Symbol): ts.Declaration[] {
  const all = (symbol.declarations ?? []).filter((each) => fileOf(each) !== undefined)
  const functions = all.filter(ts.isFunctionDeclaration)
  return functions.length > 1 ? functions.filter(({ body }) => body === undefined) : all
}

/** One name: its text, its declaration, its members, its examples. */
export async function write(
  checker: ts.TypeChecker,
  name: string,
  symbol: ts.Symbol,
  linkTo: LinkTo,
  format: (code: string) => Promise<string>,
): Promise<Written> {
  const nodes = shown(symbol)
  const hasMembers = nodes.some((node) => ts.isInterfaceDeclaration(node) || ts.isClassDeclaration(node))
  const members = hasMembers ? membersOf(checker, symbol) : []
  const types = new Map<string, ts.Symbol>()
  const heads = hasMembers ? nodes.flatMap((node) => ('heritageClauses' in node ? headOf(node) : [])) : nodes
  for (const identifier of [...heads, ...members.flatMap((each) => each.nodes)].flatMap(typesIn)) {
    const found = checker.getSymbolAtLocation(identifier)
    const type = found && resolved(checker, found)
    const isOurs = type?.declarations?.some((each) => fileOf(each) !== undefined) === true
    if (!isOurs || type === symbol || type.flags & ts.SymbolFlags.TypeParameter) continue
    types.set(identifier.text, type)
  }

  const lines: string[] = [`## ${name}`, '']
  const text = textOf(symbol, checker)
  if (text !== '') lines.push(prose(text, linkTo), '')
  if (hasMembers) {
    const head = nodes.map(declarationText).find((each) => /[<]| extends | implements /.test(each))
    if (head !== undefined) lines.push(await fenced(head, format))
  } else {
    for (const node of nodes) lines.push(await fenced(declarationText(node), format))
  }
  const tags = tagsOf(symbol, linkTo)
  lines.push(...tags.flatMap((each) => [each, '']))

  const bare: string[] = []
  if (hasMembers) {
    for (const { of, nodes: declarations } of members) {
      const doc = textOf(of, checker)
      const below = tagsOf(of, linkTo)
      const texts = declarations.map(memberText)
      if (doc === '' && below.length === 0 && isDue(name, texts)) bare.push(`${name}: ${texts.join(', ')}`)
      const signatures = texts.map((each) => `\`${each}\``).join('<br>')
      const parts = [doc === '' ? '' : prose(doc, linkTo), ...below].filter((each) => each !== '')
      lines.push(`- ${[signatures, ...parts].map(indented).join('\n\n  ')}`)
    }
    lines.push('')
  }

  const links = [...types].filter(([each, type]) => linkTo(each, type) !== undefined)
  const list = links.map(([each, type]) => linked(each, (wanted) => linkTo(wanted, type)))
  if (list.length > 0) lines.push(`Types: ${list.join(', ')}.`, '')
  return { markdown: lines.join('\n'), types, bare, isBare: text === '' }
}

const headOf = (node: ts.Node): ts.Node[] => {
  const { typeParameters = [], heritageClauses = [] } = node as ts.InterfaceDeclaration
  return [...typeParameters, ...heritageClauses]
}

/** Each option needs a text, and so does each number, which has a unit. Of other members the name and type may be enough. */
function isDue(name: string, members: readonly string[]): boolean {
  if (members.every((each) => each.endsWith(': never'))) return false
  return name.endsWith('Options') || members.some((each) => /^[\w']+\??: .*\bnumber\b/.test(each))
}

async function fenced(code: string, format: (code: string) => Promise<string>): Promise<string> {
  return `\`\`\`ts\n${(await format(code)).trim()}\n\`\`\`\n`
}
