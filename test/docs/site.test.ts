import { existsSync, globSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { groups, pagesOf, sidebar } from '../../site/sidebar.ts'

const root = new URL('../../', import.meta.url)
const docs = new URL('docs/', root)

describe('the sidebar of the site', () => {
  it('has every page of docs, in the group that its table says', () => {
    const named = new Set(Object.values(groups).flat())
    expect(pagesOf(docs).filter((page) => !named.has(page))).toEqual([])
  })

  it('names no page twice, and none that is not there', () => {
    const links = sidebar(docs).flatMap(({ items }) => items.map(({ link }) => link))
    expect(new Set(links).size).toBe(links.length)
    expect(links.filter((link) => !existsSync(new URL(`.${link}.md`, docs)))).toEqual([])
    expect(links.length).toBeGreaterThan(40)
  })
})

/** As GitHub and the site make an anchor of a heading. */
function anchorsOf(markdown: string): Set<string> {
  const headings = markdown.replaceAll(/^```[^]*?^```$/gm, '').matchAll(/^#{1,6} (.*)$/gm)
  const seen = new Map<string, number>()
  const anchors = new Set<string>()
  for (const [, heading = ''] of headings) {
    const slug = heading
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}_ -]/gu, '')
      .replaceAll(' ', '-')
    const count = seen.get(slug) ?? 0
    seen.set(slug, count + 1)
    anchors.add(count === 0 ? slug : `${slug}-${count}`)
  }
  return anchors
}

function brokenLinks(page: string, markdown: string): string[] {
  const text = markdown.replaceAll(/^```[^]*?^```$/gm, '').replaceAll(/`[^`\n]*`/g, '')
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, link = '']) => link)
    .filter((link) => !/^[a-z]+:/.test(link))
    .filter((link) => {
      const [path = '', anchor] = link.split('#')
      const file = path === '' ? new URL(page, root) : new URL(path, new URL(page, root))
      if (!existsSync(file)) return true
      return (
        anchor !== undefined &&
        file.pathname.endsWith('.md') &&
        !anchorsOf(readFileSync(file, 'utf8')).has(anchor)
      )
    })
}

describe('links', () => {
  it.each(globSync(['*.md', 'docs/**/*.md'], { cwd: root }))('in %s lead somewhere, anchors too', (page) => {
    expect(brokenLinks(page, readFileSync(new URL(page, root), 'utf8'))).toEqual([])
  })

  it('that lead nowhere are found', () => {
    const text = '[a](calls.md) [b](none.md) [c](calls.md#budget) [d](calls.md#none)'
    expect(brokenLinks('docs/none-yet.md', text)).toEqual(['none.md', 'calls.md#none'])
  })
})
