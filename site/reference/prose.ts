import ts from 'typescript'

/**
 * Where a name has its entry, as a link from the page that is being written; undefined if it has none. Two types may have the
 * same name, so a symbol says which is meant.
 */
export type LinkTo = (name: string, symbol?: ts.Symbol) => string | undefined

/** Text of a doc comment as Markdown that Vue can read: `<` and `{{` are text, `{@link X}` is a link. */
export function prose(text: string, linkTo: LinkTo): string {
  return text
    .replaceAll(/\{@link\s+([\w.]+)(?:\s*\|\s*([^}]*))?\s*\}/g, (_, name: string, label?: string) =>
      linked(name, linkTo, label?.trim()),
    )
    .split(/(```[^]*?```|`[^`]*`)/)
    .map((part, n) =>
      n % 2 === 1 ? part : part.replaceAll(/<(?=[\w/!])/g, '&lt;').replaceAll('{{', '&#123;&#123;'),
    )
    .join('')
}

export function linked(name: string, linkTo: LinkTo, label = `\`${name}\``): string {
  const link = linkTo(name)
  return link === undefined ? label : `[${label}](${link})`
}

/** What stands below the text: default, parameters, errors, examples. */
export function tagsOf(symbol: ts.Symbol | ts.Signature, linkTo: LinkTo): string[] {
  return symbol.getJsDocTags().flatMap(({ name, text }) => {
    const body = ts.displayPartsToString(text).trim()
    if (name === 'default') return [`Default: ${asDefault(body, linkTo)}`]
    if (name === 'throws') return [`Throws: ${prose(body, linkTo)}`]
    if (name === 'returns') return [`Returns: ${prose(body, linkTo)}`]
    if (name === 'deprecated') return [`**Deprecated.** ${prose(body, linkTo)}`]
    if (name === 'param') return [prose(body.replace(/^(\w+)\s+(?:-\s+)?/, '`$1`: '), linkTo)]
    if (name === 'example') return [body.includes('```') ? body : `\`\`\`ts\n${body}\n\`\`\``]
    if (name === 'internal') return []
    throw new Error(`@${name} is a tag that site/reference/prose.ts does not know`)
  })
}

/** A value is code; "off, unless …" is text. */
function asDefault(text: string, linkTo: LinkTo): string {
  const isCode = /^(?:[{[('"].*[}\])'"]|[\d_.]+|true|false|Infinity|[\w.]+\(.*\))$/.test(text)
  return isCode ? `\`${text}\`` : prose(text, linkTo)
}

/** Lines below the first of a list's item stand below its text. */
export function indented(text: string): string {
  return text.replaceAll(/\n(?!\n|$)/g, '\n  ')
}
