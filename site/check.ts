// After a build: every link, picture and script of the site is there, anchors too, and nothing is loaded from elsewhere.
import { existsSync, globSync, readFileSync } from 'node:fs'

const dist = new URL('./dist/', import.meta.url)

const decoded = (text: string): string => decodeURIComponent(text.replaceAll('&amp;', '&'))

function idsOf(html: string): Set<string> {
  return new Set([...html.matchAll(/ id="([^"]*)"/g)].map(([, id = '']) => decoded(id)))
}

const pages = new Map(
  globSync('**/*.html', { cwd: dist }).map((path) => [
    new URL(path, dist).href,
    readFileSync(new URL(path, dist), 'utf8'),
  ]),
)
const ids = new Map([...pages].map(([href, html]) => [href, idsOf(html)]))

const problems: string[] = []
for (const [href, html] of pages) {
  for (const [, tag, attribute, value = ''] of html.matchAll(/<(\w+)[^>]*? (href|src)="([^"]*)"/g)) {
    if (/^(?:[a-z]+:)?\/\//.test(value)) {
      // Readers may follow a link; the page itself asks nobody.
      if (tag !== 'a') problems.push(`${href}: <${tag} ${attribute}="${value}"> is loaded from elsewhere`)
      continue
    }
    if (/^(?:data|mailto):/.test(value)) continue
    const target = new URL(value.startsWith('/') ? `.${value}` : value, value.startsWith('/') ? dist : href)
    const anchor = decoded(target.hash.slice(1))
    target.hash = ''
    if (target.href.endsWith('/')) target.pathname += 'index.html'
    if (!existsSync(target)) problems.push(`${href}: ${value} is not there`)
    else if (anchor !== '' && !ids.get(target.href)?.has(anchor))
      problems.push(`${href}: ${value} has no such anchor`)
  }
}

for (const problem of problems) console.error(problem.replaceAll(dist.href, ''))
if (pages.size < 20) throw new Error(`only ${pages.size} pages`)
if (problems.length > 0) throw new Error(`${problems.length} dead links`)
console.log(`${pages.size} pages, no dead link`)
