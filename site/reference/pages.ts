export interface ReferencePage {
  readonly page: string
  readonly title: string
  /** The first line of the page. */
  readonly text: string
}

/** The names of `outrigger` itself are too many for one page: which of its folders stand on which. */
const MAIN: readonly (ReferencePage & { readonly folders: readonly string[] })[] = [
  {
    page: 'clients',
    title: 'Clients, calls and applications',
    text: imported('outrigger'),
    folders: ['client', 'app', 'doors', 'explain', 'control', 'headers', 'retry', 'verdict'],
  },
  {
    page: 'breakers',
    title: 'Breakers, outliers and health checks',
    text: imported('outrigger'),
    folders: ['breaker', 'fleet', 'health'],
  },
  {
    page: 'balancers',
    title: 'Balancers, load and traffic',
    text: imported('outrigger'),
    folders: ['balance', 'load', 'traffic', 'mirror'],
  },
  {
    page: 'registries',
    title: 'Instances, sources and announcements',
    text: imported('outrigger'),
    folders: ['registry'],
  },
  {
    page: 'limits',
    title: 'Limits, fallbacks and errors',
    text: imported('outrigger'),
    folders: ['limit', 'fallback', 'errors.ts', 'clock.ts'],
  },
  { page: 'events', title: 'Events and logs', text: imported('outrigger'), folders: ['observe', 'log'] },
  { page: 'typed', title: 'Contracts and typed responses', text: imported('outrigger'), folders: ['typed'] },
]

/** A page for each other entry point. */
const SUBPATHS: readonly string[] = [
  'registry/file',
  'registry/dns',
  'registry/etcd',
  'registry/consul',
  'registry/kubernetes',
  'registry/eureka',
  'registry/http',
  'registry/redis',
  'registry/zookeeper',
  'registry/combine',
  'config',
  'register',
  'openapi',
  'prometheus',
  'otel',
  'dashboard',
  'testing',
]

function imported(specifier: string): string {
  return `Import these names from \`${specifier}\`.`
}

export const pagesOfReference: readonly ReferencePage[] = [
  ...MAIN,
  ...SUBPATHS.map((path) => ({
    page: path.replace('/', '-'),
    title: `outrigger/${path}`,
    text: imported(`outrigger/${path}`),
  })),
]

/** The page for a name that is exported by this entry point and declared in this file below `src/`. */
export function pageOf(specifier: string, file: string): string {
  const subpath = specifier.replace(/^outrigger\/?/, '')
  if (subpath !== '') return subpath.replace('/', '-')
  const folder = file.split('/')[0] ?? ''
  return MAIN.find(({ folders }) => folders.includes(folder))?.page ?? `the folder ${folder}`
}
