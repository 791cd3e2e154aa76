import { existsSync, globSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { pagesIn, pagesOf, sections, sidebar, type SidebarItem } from '../../site/sidebar.ts'
import { slug } from '../../site/slug.ts'

const root = new URL('../../', import.meta.url)
const docs = new URL('docs/', root)

describe('the sidebar of the site', () => {
  it('has every page of docs once, and none that is not there', () => {
    expect(pagesIn(sections).toSorted()).toEqual(pagesOf(docs))
    const links = (items: readonly SidebarItem[]): string[] =>
      items.flatMap(({ link, items: inner = [] }) => [...(link === undefined ? [] : [link]), ...links(inner)])
    expect(links(sidebar(docs))).toEqual(
      pagesIn(sections).map((page) => (page === 'index' ? '/' : `/${page}`)),
    )
  })

  it('names each page by its title', () => {
    const [start] = sidebar(docs, [{ text: 'Start', pages: ['why-refused'] }])
    expect(start?.items).toEqual([{ text: 'Why was my call refused', link: '/why-refused' }])
    expect(() => sidebar(docs, [{ text: 'Start', pages: ['none'] }])).toThrow('none.md: no such page')
  })
})

function anchorsOf(markdown: string): Set<string> {
  const headings = markdown.replaceAll(/^```[^]*?^```$/gm, '').matchAll(/^#{1,6} (.*)$/gm)
  const seen = new Map<string, number>()
  const anchors = new Set<string>()
  for (const [, heading = ''] of headings) {
    const anchor = slug(heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1'))
    const count = seen.get(anchor) ?? 0
    seen.set(anchor, count + 1)
    anchors.add(count === 0 ? anchor : `${anchor}-${count}`)
  }
  return anchors
}

function deadLinks(page: string, markdown: string): string[] {
  const text = markdown.replaceAll(/^```[^]*?^```$/gm, '').replaceAll(/`[^`\n]*`/g, '')
  return [...text.matchAll(/\]\(([^)\s]+)\)|^\[[^\]]+\]: (\S+)$/gm)]
    .map(([, inline, below]) => inline ?? below ?? '')
    .filter((link) => !/^[a-z]+:/.test(link))
    .filter((link) => {
      const [path = '', anchor] = link.split('#')
      const file = path === '' ? new URL(page, root) : new URL(path, new URL(page, root))
      if (!existsSync(file)) return true
      return (
        anchor !== undefined &&
        file.pathname.endsWith('.md') &&
        !anchorsOf(readFileSync(file, 'utf8')).has(decodeURIComponent(anchor))
      )
    })
}

describe('links', () => {
  it.each(globSync(['*.md', 'docs/**/*.md'], { cwd: root }))('in %s lead somewhere, anchors too', (page) => {
    expect(deadLinks(page, readFileSync(new URL(page, root), 'utf8'))).toEqual([])
  })

  it('that lead nowhere are found', () => {
    const text = [
      '[a](calls.md) [b](none.md) [c](calls.md#budget) [d](calls.md#none) [e](#here) [f](https://example.org/)',
      '![g](dashboard/none.png)',
      '[h]: also-none.md',
      '`[i](code.md)`',
      '```md\n[j](block.md)\n```',
    ].join('\n')
    expect(deadLinks('docs/index.md', text)).toEqual([
      'none.md',
      'calls.md#none',
      '#here',
      'dashboard/none.png',
      'also-none.md',
    ])
  })

  it('have the anchors that GitHub makes', () => {
    const text =
      '# A `b` & c: 50 %\n## Same\n## Same\n## [Link](x.md), and Ünïcode_1\n```sh\n# no heading\n```'
    expect([...anchorsOf(text)]).toEqual(['a-b--c-50-', 'same', 'same-1', 'link-and-ünïcode_1'])
  })
})
