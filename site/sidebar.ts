import { existsSync, globSync, readFileSync } from 'node:fs'
import { pagesOfReference } from './reference/pages.ts'

export interface Section {
  readonly text: string
  /** Pages of `docs/`, without their `.md`. */
  readonly pages: readonly string[]
  /** Folded away until somebody opens it, or reads a page in it. */
  readonly folded?: boolean
  readonly sections?: readonly Section[]
}

/** The order of the pages. A test checks that each page of `docs/` stands here once. */
export const sections: readonly Section[] = [
  { text: 'Start', pages: ['index', 'start/quick-start', 'start/tutorial', 'app', 'testing'] },
  {
    text: 'Guides',
    pages: [
      'guides/frameworks',
      'guides/nestjs',
      'guides/nextjs',
      'guides/lambda',
      'guides/grpc',
      'guides/redis',
      'guides/rolling-updates',
      'guides/llm',
    ],
  },
  {
    text: 'Moving from',
    folded: true,
    pages: [
      'moving/opossum',
      'moving/cockatiel',
      'moving/axios-axios-retry',
      'moving/got',
      'moving/ky',
      'moving/undici',
      'moving/moleculer',
    ],
  },
  {
    text: 'Concepts',
    pages: [
      'architecture',
      'calls',
      'verdict',
      'breaker',
      'balancing',
      'health',
      'limits',
      'fallback',
      'traffic',
    ],
  },
  {
    text: 'Reference',
    pages: ['options', 'doors', 'routes', 'typed', 'events', 'channels', 'control', 'config'],
    sections: [
      {
        text: 'Registries',
        folded: true,
        pages: [
          'registries/memory',
          'registries/announce',
          'registries/file',
          'registries/dns',
          'registries/etcd',
          'registries/consul',
          'registries/kubernetes',
          'registries/eureka',
          'registries/http',
          'registries/redis',
          'registries/zookeeper',
          'registries/cost',
          'registries/combine',
          'registries/recipes',
          'registries/write-your-own',
        ],
      },
    ],
  },
  {
    text: 'Operations',
    pages: [
      'operations/runbook',
      'why-refused',
      'why-not-retried',
      'observability',
      'logging',
      'prometheus',
      'opentelemetry',
      'dashboard',
    ],
  },
  {
    text: 'Project',
    pages: ['performance', 'incidents', 'scoreboard', 'simulator', 'threat-model', 'versioning'],
  },
]

/** The pages that are made from the sources: `site/reference`. They are no files of `docs/`. */
export const reference: SidebarItem = {
  text: 'API reference',
  collapsed: true,
  items: pagesOfReference.map(({ page, title }) => ({ text: title, link: `/reference/${page}` })),
}

export interface SidebarItem {
  text: string
  link?: string
  collapsed?: boolean
  items?: SidebarItem[]
}

/** Every page of the folder, without its `.md`. */
export function pagesOf(docs: URL): string[] {
  return globSync('**/*.md', { cwd: docs })
    .map((path) => path.replaceAll('\\', '/').replace(/\.md$/, ''))
    .toSorted()
}

/** Every page of the table, in its order. */
export function pagesIn(list: readonly Section[]): string[] {
  return list.flatMap(({ pages, sections: inner = [] }) => [...pages, ...pagesIn(inner)])
}

export function sidebar(docs: URL, list: readonly Section[] = sections): SidebarItem[] {
  return list.map(({ text, pages, folded = false, sections: inner = [] }) => ({
    text,
    collapsed: folded,
    items: [
      ...pages.map((page) => ({ text: titleOf(new URL(`${page}.md`, docs)), link: linkTo(page) })),
      ...sidebar(docs, inner),
    ],
  }))
}

function linkTo(page: string): string {
  return page === 'index' ? '/' : `/${page}`
}

function titleOf(page: URL): string {
  const title = existsSync(page) ? /^# (.*)$/m.exec(readFileSync(page, 'utf8'))?.[1] : undefined
  if (title === undefined) throw new Error(`${page.pathname}: no such page, or one without a title`)
  return title.replaceAll('`', '')
}
