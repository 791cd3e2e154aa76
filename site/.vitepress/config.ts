import { defineConfig } from 'vitepress'
import { sidebar } from '../sidebar.ts'

const repository = 'https://github.com/outrigger-js/outrigger'
const docs = new URL('../../docs/', import.meta.url)

/** Links out of `docs/` lead to the repository, where these files are. */
const outside = (href: string): string | undefined => /^(?:\.\.\/)+([^#]*)/.exec(href)?.[1]

export default defineConfig({
  title: 'Outrigger',
  description: 'A typed HTTP client for Node.js that keeps fetch working when instances crash, stall or disappear.',
  srcDir: './pages',
  outDir: './dist',
  cacheDir: './.cache',
  cleanUrls: false,
  appearance: true,
  // `pages` is a link to `docs/`: its files find Vue from here.
  vite: { resolve: { preserveSymlinks: true } },
  themeConfig: {
    sidebar: sidebar(docs),
    outline: [2, 3],
    // In the page itself: no service is asked.
    search: { provider: 'local' },
    socialLinks: [{ icon: 'github', link: repository }],
  },
  markdown: {
    config: (md) => {
      md.core.ruler.push('links-out-of-docs', ({ tokens, env }) => {
        const depth = String(env.relativePath ?? '').split('/').length - 1
        for (const token of tokens.flatMap(({ children }) => children ?? [])) {
          const href = token.attrGet('href') ?? ''
          const path = outside(href)
          if (token.type !== 'link_open' || path === undefined) continue
          if (href.match(/\.\.\//g)?.length === depth + 1) token.attrSet('href', `${repository}/blob/main/${path}`)
        }
      })
    },
  },
})
