import { existsSync, globSync, readFileSync } from 'node:fs'

/** The order of the pages in `docs/`, by group. A test checks that no page is missing here. */
export const groups: Readonly<Record<string, readonly string[]>> = {
  Start: ['index', 'tutorial', 'architecture', 'app', 'config', 'options'],
  Guides: [
    'testing',
    'guides/frameworks',
    'guides/kubernetes',
    'guides/llm',
    'guides/streams',
    'guides/other-protocols',
    'guides/canary',
    'guides/undici-interceptors',
  ],
  'Moving from': [
    'moving/opossum',
    'moving/cockatiel',
    'moving/axios-axios-retry',
    'moving/got',
    'moving/ky',
    'moving/undici',
    'moving/moleculer',
  ],
  Calls: ['calls', 'doors', 'routes', 'typed', 'verdict'],
  Policies: ['breaker', 'balancing', 'health', 'limits', 'fallback', 'traffic', 'control'],
  See: [
    'observability',
    'events',
    'logging',
    'why-refused',
    'dashboard',
    'opentelemetry',
    'prometheus',
    'channels',
  ],
  Operations: ['guides/troubleshooting', 'guides/runbook', 'guides/tuning'],
  Registries: [
    'registries/memory',
    'registries/file',
    'registries/dns',
    'registries/etcd',
    'registries/consul',
    'registries/kubernetes',
    'registries/eureka',
    'registries/http',
    'registries/redis',
    'registries/zookeeper',
    'registries/combine',
    'registries/recipes',
    'registries/write-your-own',
  ],
  Proof: ['performance', 'incidents', 'scoreboard', 'simulator', 'threat-model'],
}

/** Parts of other pages, or made by scripts: found by links and by the search. */
export const unlisted: readonly RegExp[] = [/^incidents\//, /^scoreboard\//]

export interface SidebarGroup {
  text: string
  collapsed: boolean
  items: { text: string; link: string }[]
}

/** Every page of the folder, without its `.md`. */
export function pagesOf(docs: URL): string[] {
  return globSync('**/*.md', { cwd: docs })
    .map((path) => path.replace(/\.md$/, ''))
    .filter((page) => !unlisted.some((pattern) => pattern.test(page)))
    .toSorted()
}

/** The sidebar of the pages that exist; what no group has comes last. */
export function sidebar(docs: URL): SidebarGroup[] {
  const named = new Set(Object.values(groups).flat())
  const rest = pagesOf(docs).filter((page) => !named.has(page))
  return Object.entries({ ...groups, More: rest })
    .map(([text, pages]) => ({
      text,
      collapsed: text === 'Registries' || text === 'Moving from',
      items: pages
        .filter((page) => existsSync(new URL(`${page}.md`, docs)))
        .map((page) => ({ text: titleOf(new URL(`${page}.md`, docs)), link: `/${page}` })),
    }))
    .filter(({ items }) => items.length > 0)
}

function titleOf(page: URL): string {
  return /^# (.*)$/m.exec(readFileSync(page, 'utf8'))?.[1]?.replaceAll('`', '') ?? page.pathname
}
