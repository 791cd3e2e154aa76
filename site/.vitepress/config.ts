import { defineConfig } from 'vitepress'
import { reference, sidebar } from '../sidebar.ts'
import { slug } from '../slug.ts'

const repository = 'https://github.com/outrigger-js/outrigger'

/** Links out of `docs/` lead to the repository, where these files are. */
function toRepository(href: string, page: string): string {
  const target = new URL(href, new URL(page, 'file:///docs/'))
  if (target.protocol !== 'file:' || target.pathname.startsWith('/docs/')) return href
  return `${repository}/blob/main${target.pathname}${target.hash}`
}

export default defineConfig({
  title: 'Outrigger',
  description:
    'A typed HTTP client for Node.js that keeps fetch working when instances crash, stall or disappear.',
  srcDir: './content',
  outDir: './dist',
  cacheDir: './.cache',
  // No icon: without this line browsers ask for /favicon.ico.
  head: [['link', { rel: 'icon', href: 'data:,' }]],
  metaChunk: true,
  // `content` has links to `docs/`: the pages find Vue from here.
  vite: { resolve: { preserveSymlinks: true } },
  themeConfig: {
    sidebar: [...sidebar(new URL('../../docs/', import.meta.url)), reference],
    outline: [2, 3],
    // The index is a file of the site: no service is asked.
    search: {
      provider: 'local',
      options: {
        miniSearch: {
          searchOptions: {
            // Who searches for an option wants what defines it first: these sections are long, and so rank below short examples.
            // The function goes into the page as text, too.
            boostDocument: (id) => {
              if (/#(?:options|[a-z-]*options|options-of-a-client)$/.test(id)) return 3
              return id.startsWith('/moving/') ? 0.5 : 1
            },
          },
        },
      },
    },
    socialLinks: [{ icon: 'github', link: repository }],
    editLink: {
      // The function goes into the page as text: it may use nothing from here.
      pattern: ({ filePath }) =>
        filePath.startsWith('reference/')
          ? 'https://github.com/outrigger-js/outrigger/tree/main/src'
          : `https://github.com/outrigger-js/outrigger/edit/main/docs/${filePath}`,
      text: 'Edit this page',
    },
  },
  markdown: {
    anchor: { slugify: slug },
    config: (md) => {
      md.core.ruler.push('links-out-of-docs', ({ tokens, env }) => {
        for (const token of tokens.flatMap(({ children }) => children ?? [])) {
          const href = token.type === 'link_open' ? token.attrGet('href') : null
          if (href?.startsWith('../')) token.attrSet('href', toRepository(href, env.relativePath))
        }
      })
    },
  },
})
