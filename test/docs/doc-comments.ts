import { globSync, readFileSync } from 'node:fs'

/** One `@example` of a doc comment, as a module of its own. */
export interface Example {
  /** `src/client/client.ts:31`. */
  readonly place: string
  readonly code: string
}

/** What examples use without saying where it comes from, as a reader would write it: his own values, other packages. */
const GIVEN: Readonly<Record<string, string>> = {
  users: "declare const users: import('outrigger').Client",
  orders: "declare const orders: import('outrigger').Client",
  source: "declare const source: import('outrigger').Source",
  registry: "declare const registry: import('outrigger').MemoryRegistry",
  breaker: "declare const breaker: import('outrigger').CircuitBreaker",
  db: 'declare const db: { isConnected: boolean; find(id: number): Promise<object> }',
  query: 'declare function query(sql: string, options: { signal: AbortSignal }): Promise<object[]>',
  log: 'declare const log: { warn(...values: unknown[]): void }',
  handler: "declare const handler: import('node:http').RequestListener",
  app: "declare const app: import('express').Express",
  http: "import * as http from 'node:http'",
  createServer: "import { createServer } from 'node:http'",
  express: "import express from 'express'",
  pino: "import { pino } from 'pino'",
  register: "import { register } from 'prom-client'",
  trace: "import { trace } from '@opentelemetry/api'",
  UndiciInstrumentation: "import { UndiciInstrumentation } from '@opentelemetry/instrumentation-undici'",
  Agent: "import { Agent } from 'undici'",
  interceptors: "import { interceptors } from 'undici'",
  setGlobalDispatcher: "import { setGlobalDispatcher } from 'undici'",
  Redis: "import { Redis } from 'ioredis'",
  zk: "declare const zk: { createClient(address: string): import('outrigger/registry/zookeeper').ZooKeeperClient & { connect(): void } }",
  it: "import { it } from 'vitest'",
  setupServer: "import { setupServer } from 'msw/node'",
  HttpResponse: "import { HttpResponse } from 'msw'",
}

/** The same for single files, whose examples mean something else by the same name, or by a name of theirs. */
const GIVEN_IN: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'src/client/with-deadline.ts': { request: "declare const request: import('node:http').IncomingMessage" },
  'src/doors/dispatcher/interceptor.ts': { request: "import { request } from 'undici'" },
  'src/registry/snapshots.ts': {
    registry: `declare const registry: {
      subscribe(service: string, next: (instances: readonly import('outrigger').Instance[]) => void): {
        on(name: 'error', listener: (error: unknown) => void): void
        unsubscribe(): void
      }
    }`,
  },
  'src/registry/announce-server.ts': { http: "import * as http from 'node:http'" },
  'src/fallback/coalesce.ts': {
    coalescer: "declare const coalescer: import('../../src/fallback/coalesce.ts').Coalescer",
    key: 'declare const key: never',
    signal: 'declare const signal: AbortSignal',
    send: 'declare function send(signal: AbortSignal): Promise<Response>',
  },
  'src/fallback/stale.ts': {
    stale: "declare const stale: import('../../src/fallback/stale.ts').StaleCache",
    url: 'declare const url: string',
    headers: 'declare const headers: Headers',
    send: 'declare function send(): Promise<Response>',
    fail: 'declare function fail(): never',
  },
  'src/limit/limiter.ts': {
    limiter: "declare const limiter: import('../../src/limit/limiter.ts').Limiter",
    start: 'declare function start(permit: unknown): void',
    refuse: 'declare function refuse(error: unknown): void',
  },
  'src/limit/throttle.ts': {
    throttle: "declare const throttle: import('../../src/limit/throttle.ts').Throttle",
    response: 'declare const response: Response',
  },
  'src/dashboard/handler.ts': { fetch: "declare const fetch: import('outrigger').AppFetch" },
  'src/dashboard/serve.ts': { fetch: "declare const fetch: import('outrigger').AppFetch" },
  'src/testing/identity.ts': { http: "import { http } from 'msw'" },
  'src/testing/source-suite.ts': {
    address: 'declare const address: string',
    mySource: "declare function mySource(address: string): import('outrigger').Source",
    myRegistrar: "declare function myRegistrar(address: string): import('outrigger').Registrar",
    fill: "declare function fill(address: string, service: string, instances: readonly import('outrigger').Instance[]): Promise<void>",
    readAll:
      "declare function readAll(address: string, service: string): Promise<import('outrigger').Instance[]>",
  },
}

const COMMENT = /\/\*\*[^]*?\*\//g
const EXAMPLE = /@example\n([^]*?)(?=@\w+\n|@\w+ |$)/g
const EXPORT = /^export (?:declare |abstract |async )*(?:function\*?|class|const|interface|type) (\w+)/gm
const MEMBER = /^(\w+): /

/** The examples of every source file, as modules two folders below the root. */
export function examples(root: URL): Example[] {
  const entries = entriesOf(root)
  return globSync('src/**/*.ts', { cwd: root })
    .toSorted()
    .flatMap((path) => examplesOf(path, readFileSync(new URL(path, root), 'utf8'), entries))
}

/** What each subpath of the package exports: the name, then the subpath. */
type Entries = ReadonlyMap<string, string>

function entriesOf(root: URL): Entries {
  const names = new Map<string, string>()
  const { exports } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as {
    exports: Record<string, string | Record<string, string>>
  }
  for (const [subpath, conditions] of Object.entries(exports)) {
    if (typeof conditions === 'string') continue
    const text = readFileSync(new URL(conditions['@outrigger/source'] ?? '', root), 'utf8')
    const listed = [...text.matchAll(/^export (?:type )?\{([^}]*)\}/gm)].flatMap(([, list = '']) =>
      list.split(','),
    )
    const own = [...text.matchAll(EXPORT)].map(([, name = '']) => name)
    for (const each of [...listed, ...own]) {
      const name = each
        .trim()
        .replace(/^type /, '')
        .replace(/^\w+ as /, '')
      if (name !== '' && !names.has(name)) names.set(name, subpath.replace(/^\./, 'outrigger'))
    }
  }
  return names
}

/** For the tests of this file too: `text` need not be a file's. */
export function examplesOf(path: string, text: string, entries: Entries): Example[] {
  const exported = new Set([...text.matchAll(EXPORT)].map(([, name = '']) => name))
  return [...text.matchAll(COMMENT)].flatMap((comment) => {
    const plain = comment[0]
      .replace(/^\/\*\*/, '')
      .replace(/\*\/$/, '')
      .replaceAll(/^\s*\* ?/gm, '')
    const line = text.slice(0, comment.index).split('\n').length
    return [...plain.matchAll(EXAMPLE)].map(([, code = '']): Example => {
      const owner = [...text.slice(0, comment.index).matchAll(/^(?:export )?interface (\w+)/gm)].at(-1)?.[1]
      return { place: `${path}:${line}`, code: toModule(path, code.trim(), owner, exported, entries) }
    })
  })
}

function toModule(
  path: string,
  code: string,
  owner: string | undefined,
  exported: ReadonlySet<string>,
  entries: Entries,
): string {
  const used = new Set(withoutText(code).match(/(?<!\w|[^.]\.)[A-Za-z]\w*/g))
  const declared = new Set(
    [...code.matchAll(/\b(?:const|function|class) (\w+)|^import (?:type )?\{(.*)\}/gm)].flatMap(
      ([, name, imported = '']) => [name, ...imported.split(',').map((each) => each.trim())],
    ),
  )
  const isMember = MEMBER.test(code)
  const given: string[] = []
  const imports: string[] = []
  for (const name of isMember && owner !== undefined ? [...used, owner] : used) {
    if (declared.has(name)) continue
    const here = GIVEN_IN[path]?.[name]
    const entry = entries.get(name) ?? (exported.has(name) ? `../../${path}` : undefined)
    if (here !== undefined) given.push(here)
    else if (entry !== undefined && (name === owner || !isKey(code, name)))
      imports.push(`import { ${name} } from '${entry}'`)
    else if (GIVEN[name] !== undefined && !isKey(code, name)) given.push(GIVEN[name])
  }
  const own = [...code.matchAll(/^import .*$/gm)].map(([statement]) => statement)
  const body = code.replaceAll(/^import .*$/gm, '')
  const run = isMember
    ? `const example: Partial<${owner}> = {\n${body}\n}`
    : `async function example(): Promise<unknown> {\n${body}\nreturn undefined\n}`
  return [...own, ...imports, ...given, run, 'export {}', ''].join('\n')
}

/** Names in comments and strings are no names; those in the `${}` of a template are. */
function withoutText(code: string): string {
  return code.replaceAll(/(?<!:)\/\/.*$/gm, '').replaceAll(/'[^'\n]*'/g, "''")
}

/** Whether a name stands only before a colon: a member that is written, or a parameter with a type. */
function isKey(code: string, name: string): boolean {
  const all = withoutText(code).match(new RegExp(`(?<!\\w|[^.]\\.)${name}\\b`, 'g'))?.length ?? 0
  const keys = withoutText(code).match(new RegExp(`(?<!\\w|[^.]\\.)${name}: `, 'g'))?.length ?? 0
  return keys === all
}
