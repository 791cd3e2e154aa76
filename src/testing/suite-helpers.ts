import assert from 'node:assert/strict'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { isDeepStrictEqual } from 'node:util'
import { systemClock } from '../clock.ts'
import { toInstance } from '../registry/instance.ts'
import type { Instance } from '../registry/source.ts'
import type { RegistrarHarness, SourceHarness } from './harness.ts'

type Harness = SourceHarness | RegistrarHarness

const FIELDS = ['id', 'weight', 'zone', 'priority', 'draining', 'metadata'] as const

const DEFAULT_BOUND = 10_000

export function boundOf(harness: Harness): number {
  return harness.bound ?? DEFAULT_BOUND
}

/** Returns a service name that was never used before. */
export function freshService(): string {
  return `suite-${systemClock.random().toString(36).slice(2, 10)}`
}

/** Returns the first `count` test instances, with every field set. */
export function someInstances(harness: Harness, count: number): Instance[] {
  return Array.from({ length: count }, (_, n) =>
    toInstance({
      id: `i${n}`,
      url: harness.url?.(n) ?? `http://10.0.${n >> 8}.${n & 255}:8080`,
      weight: 1 + (n % 3),
      zone: `zone-${n % 2}`,
      priority: n % 2,
      draining: false,
      metadata: { version: '1' },
    }),
  )
}

/**
 * Whether both lists have the same instances, in any order. Compares only the fields that this registry can
 * store.
 */
export function sameSet(
  harness: Harness,
  actual: readonly Instance[],
  expected: readonly Instance[],
): boolean {
  return isDeepStrictEqual(shape(harness, actual), shape(harness, expected))
}

export function assertSameSet(
  harness: Harness,
  actual: readonly Instance[],
  expected: readonly Instance[],
): void {
  assert.deepEqual(shape(harness, actual), shape(harness, expected))
}

function shape(harness: Harness, instances: readonly Instance[]): unknown[] {
  return instances.map((instance) => comparable(instance, harness.fields ?? FIELDS)).toSorted(byUrl)
}

function comparable(instance: Instance, fields: NonNullable<Harness['fields']>): { url: string } {
  const full = { weight: 1, priority: 0, draining: false, ...toInstance(instance) }
  return { url: full.url, ...Object.fromEntries(fields.map((field) => [field, full[field]])) }
}

function byUrl(a: { url: string }, b: { url: string }): number {
  return a.url < b.url ? -1 : 1
}

/**
 * Resolves once `check` returns true. Rejects with the text of `explain` if that takes longer than the bound,
 * in ms.
 */
export async function until(
  bound: number,
  check: () => boolean | Promise<boolean>,
  explain: () => string,
): Promise<void> {
  const deadline = systemClock.now() + bound
  while (!(await check())) {
    if (systemClock.now() > deadline) assert.fail(`within ${bound} ms: ${explain()}`)
    await systemClock.sleep(10)
  }
}

/** Rejects when `work` takes longer than the bound, in ms. */
export async function within<T>(bound: number, what: string, work: Promise<T>): Promise<T> {
  const done = new AbortController()
  const expired = systemClock
    .sleep(bound, done.signal)
    .then(() => assert.fail(`${what} took over ${bound} ms`))
  try {
    return await Promise.race([work, expired])
  } finally {
    done.abort()
  }
}

/** Runs an HTTP server on a free port of 127.0.0.1 during `run`. */
export async function withHttpServer(
  listener: RequestListener,
  run: (url: string) => Promise<void>,
): Promise<void> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  try {
    await run(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  } finally {
    await new Promise<void>((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  }
}

/** Invalid answers, by name. */
export const BAD_ANSWERS: Readonly<Record<string, RequestListener>> = {
  'an answer that is not JSON': (_, res) => res.end('no JSON at all'),
  'an HTML page': (_, res) => res.setHeader('content-type', 'text/html').end('<html>hello</html>'),
  'half an answer': (_, res) => res.end('{"header":{"revision":"1"},"items":[{'),
  'an answer that is cut off': (_, res) => {
    res.writeHead(200, { 'content-length': '1000' }).write('[', () => res.destroy())
  },
  'status 401': (_, res) => res.writeHead(401).end('{"message":"who are you?"}'),
  'status 403': (_, res) => res.writeHead(403).end('{"message":"not you"}'),
  'status 500': (_, res) => res.writeHead(500).end('{"message":"broken"}'),
}
