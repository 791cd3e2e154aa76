import { readFile } from 'node:fs/promises'
import * as conventions from '@opentelemetry/semantic-conventions/incubating'
import { expect, it } from 'vitest'
import { attemptAttributes, attemptKind, attemptName, callAttributes } from '../../src/otel/attributes.ts'
import { errorType } from '../../src/otel/error-type.ts'
import { DURATION_BUCKETS } from '../../src/observe/labels.ts'
import { SpanKind } from '@opentelemetry/api'
import type { AttemptStartEvent } from '../../src/index.ts'

const attempt: AttemptStartEvent = {
  service: 'svc:8443',
  at: 0,
  id: '1',
  door: 'fetch',
  method: 'get',
  path: '/a',
  route: '* /a',
  attempt: 2,
  hedge: true,
  instance: { id: 'i', url: 'https://[::1]:9' },
  headers: {},
}

it('every attribute is part of the conventions, or in our namespace', async () => {
  const known = new Set<unknown>(Object.values(conventions))
  const names = Object.keys({ ...attemptAttributes(attempt, 1), ...callAttributes(attempt) })
  const sources = await Promise.all(
    ['spans', 'metrics', 'gauges'].map((name) =>
      readFile(new URL(`../../src/otel/${name}.ts`, import.meta.url), 'utf8'),
    ),
  )
  names.push(
    ...sources.flatMap(
      (source) => source.match(/(?<=')(?:http|error|url|server|network)\.[\w.]+(?=')/g) ?? [],
    ),
  )
  expect(names.length).toBeGreaterThan(15)
  expect(names.filter((name) => !known.has(name) && !/^outrigger\.[a-z_.]+$/.test(name))).toEqual([])
})

it('docs/opentelemetry.md names the version of the conventions that was checked', async () => {
  const root = new URL('../../', import.meta.url)
  const page = await readFile(new URL('docs/opentelemetry.md', root), 'utf8')
  // The package does not export it.
  const file = new URL('node_modules/@opentelemetry/semantic-conventions/package.json', root)
  const manifest = JSON.parse(await readFile(file, 'utf8')) as { version: string }
  expect(page).toContain(manifest.version)
  expect(page).toContain(`${DURATION_BUCKETS[0]} to ${DURATION_BUCKETS.at(-1)} s`)
})

it.each<[object, string]>([
  [{ method: 'GET', route: 'GET /users/{id}' }, 'GET /users/{id}'],
  [{ method: 'DELETE', route: '* /users/{id}' }, 'DELETE /users/{id}'],
  [{ method: 'GET', route: undefined }, 'GET'],
  [{ method: 'BREW', route: undefined }, 'HTTP'],
  [{ method: undefined, route: undefined, door: 'execute' }, 'execute'],
])('an attempt of %o has the name %s', (about, name) => {
  const start = { ...attempt, ...about } as AttemptStartEvent
  expect(attemptName(start)).toBe(name)
  expect(attemptKind(start)).toBe(name === 'execute' ? SpanKind.INTERNAL : SpanKind.CLIENT)
})

it('ports, IPv6 addresses and sockets follow the conventions', () => {
  expect(attemptAttributes(attempt, 3)).toMatchObject({
    'server.address': 'svc',
    'server.port': 8443,
    'url.full': 'https://svc:8443/a',
    'network.peer.address': '::1',
    'network.peer.port': 9,
    'http.request.resend_count': 3,
  })
  const instance = { id: 'i', url: 'unix:/run/app.sock' }
  const onSocket = attemptAttributes({ ...attempt, service: '[::1]', instance }, 0)
  expect(onSocket).toMatchObject({
    'server.address': '::1',
    'server.port': 80,
    'network.peer.address': '/run/app.sock',
    'network.transport': 'unix',
  })
  expect(onSocket).not.toHaveProperty(['network.peer.port'])
})

it.each<[unknown, string]>([
  [Object.assign(new Error('x'), { code: 'ECONNRESET' }), 'ECONNRESET'],
  [
    new TypeError('fetch failed', { cause: Object.assign(new Error(''), { code: 'ENOTFOUND' }) }),
    'ENOTFOUND',
  ],
  [new DOMException('late', 'TimeoutError'), 'TimeoutError'],
  [new RangeError('user 42 has no token'), 'RangeError'],
  [Object.assign(new Error('x'), { name: 'user 42 has no token' }), '_OTHER'],
  [Object.assign(new Error('x'), { code: 42 }), 'Error'],
  ['a string', '_OTHER'],
  [undefined, '_OTHER'],
])('the error type of %o is %s', (error, type) => {
  expect(errorType(error)).toBe(type)
})
