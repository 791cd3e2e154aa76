import { globSync, readFileSync } from 'node:fs'

/** A block of a page that is a whole program: `<!-- run: name -->` stands before it. */
export interface Program {
  readonly page: string
  readonly name: string
  readonly code: string
  /** What it prints, where `<!-- prints -->` and a block of text follow it. */
  readonly prints?: string
  /** Modules that the page's programs import: `<!-- file: name -->` stands before them. */
  readonly files: readonly PageFile[]
}

export interface PageFile {
  readonly name: string
  readonly code: string
}

const MARK =
  /^<!-- run: (?<name>[\w-]+) -->\n+(?:<!-- given\n(?<given>[^]*?)-->\s*)?```ts(?: ignore: [^\n]+)?\n(?<code>[^]*?)^```$(?:\n+<!-- prints -->\n+```text\n(?<prints>[^]*?)^```$)?/gm

const FILE = /^<!-- file: (?<name>[\w.-]+) -->\n+```ts\n(?<code>[^]*?)^```$/gm

export function programs(root: URL): Program[] {
  return globSync(['README.md', 'docs/**/*.md'], { cwd: root })
    .toSorted()
    .flatMap((page) => programsOf(page, readFileSync(new URL(page, root), 'utf8')))
}

export function programsOf(page: string, markdown: string): Program[] {
  const files = filesOf(page, markdown)
  const found = [...markdown.matchAll(MARK)].map(({ groups }) => ({
    page,
    name: groups?.['name'] ?? '',
    code: `${groups?.['given'] ?? ''}${groups?.['code'] ?? ''}`,
    files,
    ...(groups?.['prints'] === undefined ? {} : { prints: groups['prints'] }),
  }))
  if (found.length !== count(markdown, '<!-- run:'))
    throw new Error(`${page}: a "run" mark without a block of TypeScript after it`)
  if (found.filter(({ prints }) => prints !== undefined).length !== count(markdown, '<!-- prints -->'))
    throw new Error(`${page}: a "prints" mark that is not between a program and a block of text`)
  return found
}

export function filesOf(page: string, markdown: string): PageFile[] {
  const found = [...markdown.matchAll(FILE)].map(({ groups }) => ({
    name: groups?.['name'] ?? '',
    code: groups?.['code'] ?? '',
  }))
  if (found.length !== count(markdown, '<!-- file:'))
    throw new Error(`${page}: a "file" mark without a block of TypeScript after it`)
  return found
}

/** The page without its files, every line where it was. */
export function withoutFiles(markdown: string): string {
  return markdown.replaceAll(FILE, (block) => block.replaceAll(/[^\n]/g, ''))
}

const count = (text: string, part: string): number => text.split(part).length - 1
