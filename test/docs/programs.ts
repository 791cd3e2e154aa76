import { globSync, readFileSync } from 'node:fs'

/** A block of a page that is a whole program: `<!-- run: name -->` stands before it. */
export interface Program {
  readonly page: string
  readonly name: string
  readonly code: string
}

const MARK =
  /^<!-- run: (?<name>[\w-]+) -->\n+(?:<!-- given\n(?<given>[^]*?)-->\s*)?```ts(?: ignore: [^\n]+)?\n(?<code>[^]*?)^```$/gm

export function programs(root: URL): Program[] {
  return globSync(['README.md', 'docs/**/*.md'], {
    cwd: root,
    exclude: ['docs/node_modules/**', 'docs/site/**'],
  })
    .toSorted()
    .flatMap((page) => programsOf(page, readFileSync(new URL(page, root), 'utf8')))
}

export function programsOf(page: string, markdown: string): Program[] {
  const found = [...markdown.matchAll(MARK)].map(({ groups }) => ({
    page,
    name: groups?.['name'] ?? '',
    code: `${groups?.['given'] ?? ''}${groups?.['code'] ?? ''}`,
  }))
  const marks = markdown.match(/<!-- run:/g)?.length ?? 0
  if (found.length !== marks) throw new Error(`${page}: a "run" mark without a block of TypeScript after it`)
  return found
}
