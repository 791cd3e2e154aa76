import * as fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { canonicalPath } from '../../src/routes/canonical.ts'
import { parseRouteKey } from '../../src/routes/key.ts'
import { RouteTable } from '../../src/routes/match.ts'

const tableOf = (keys: readonly string[]): RouteTable<string> => new RouteTable(keys.map((key) => [key, key]))

describe('RouteTable', () => {
  const table = tableOf([
    'GET /',
    'GET /users',
    'POST /users',
    'GET /users/',
    'GET /users/me',
    'GET /users/{id}',
    '/users/{id}',
    'DELETE /users/me',
    'GET /users/{id}/posts',
    'GET /users/me/avatar',
    'GET /{kind}/{id}/raw',
    '/reports/**',
    'GET /reports/{year}',
    'GET /files/{id}/**',
    'GET /files/latest/info',
    '/admin/**',
    'GET /public/**',
    'GET /café',
    'GET /a%2fb',
    'PUT /api/v1/things/{id}',
  ])

  it.each([
    ['GET', '/', 'GET /'],
    ['GET', '', 'GET /'],
    ['GET', '?a=1', 'GET /'],
    ['POST', '/', undefined],
    ['GET', '/users', 'GET /users'],
    ['get', '/users', 'GET /users'],
    ['POST', '/users?x=/users/me', 'POST /users'],
    ['PUT', '/users', undefined],
    ['GET', '/users/', 'GET /users/'],
    ['POST', '/users/', undefined],
    ['GET', '/users/me', 'GET /users/me'],
    ['GET', '/users/me#top', 'GET /users/me'],
    ['GET', '/users/%6De', 'GET /users/me'],
    ['GET', '/users/42', 'GET /users/{id}'],
    ['GET', '/users/42/', undefined],
    ['PATCH', '/users/42', '/users/{id}'],
    ['PATCH', '/users/me', '/users/{id}'],
    ['DELETE', '/users/me', 'DELETE /users/me'],
    ['DELETE', '/users/you', '/users/{id}'],
    // The static branch 'me' fails one segment later. The branch of the parameter is used.
    ['GET', '/users/me/posts', 'GET /users/{id}/posts'],
    ['GET', '/users/me/raw', 'GET /{kind}/{id}/raw'],
    ['GET', '/users/me/avatar', 'GET /users/me/avatar'],
    ['GET', '/users//posts', undefined],
    ['GET', '/users/a%2Fb', 'GET /users/{id}'],
    ['GET', '/reports', undefined],
    ['GET', '/reports/', '/reports/**'],
    ['GET', '/reports/2026', 'GET /reports/{year}'],
    ['PUT', '/reports/2026', '/reports/**'],
    ['GET', '/reports/2026/may', '/reports/**'],
    ['GET', '/reports/2026//may/', '/reports/**'],
    ['GET', '/files/latest/info', 'GET /files/latest/info'],
    ['GET', '/files/latest/raw', 'GET /files/{id}/**'],
    ['GET', '/files/latest', undefined],
    ['GET', '/public/../admin/x', '/admin/**'],
    ['GET', '/public/%2e%2e/admin/x', '/admin/**'],
    ['GET', '/public\\..\\admin\\x', '/admin/**'],
    ['GET', '/%61dmin/x', '/admin/**'],
    ['GET', '/public/..%2fadmin/x', 'GET /public/**'],
    ['GET', '//admin/x', undefined],
    ['GET', '/caf%c3%a9', 'GET /café'],
    ['GET', '/café', 'GET /café'],
    ['GET', '/a%2Fb', 'GET /a%2fb'],
    ['GET', '/a/b', undefined],
    ['PUT', '/api/v1/things/7', 'PUT /api/v1/things/{id}'],
    ['PUT', '/api/v1/things/', undefined],
    ['PUT', '/api/v1/things', undefined],
    ['PUT', '/api/v1', undefined],
    ['PUT', '/api', undefined],
    ['PUT', '/api/v1/thingsX7', undefined],
    ['PUT', '/constructor', undefined],
  ])('%s %s → %s', (method, path, key) => {
    expect(table.match(method, path)?.value).toBe(key)
  })

  it('matches everything with /**, after more specific routes', () => {
    const table = tableOf(['/**', 'GET /a/b'])
    expect(['/', '/a', '/a/b', '/a/b/', '//'].map((path) => table.match('GET', path)?.key)).toEqual([
      '/**',
      '/**',
      'GET /a/b',
      '/**',
      '/**',
    ])
  })

  it('returns the same frozen match each time, with the key as written', () => {
    const table = new RouteTable([['get /users/{id}', { timeout: 1 }]])
    const match = table.match('GET', '/users/1')
    expect(match).toMatchObject({
      key: 'GET /users/{id}',
      path: '/users/{id}',
      value: { timeout: 1 },
    })
    expect(table.match('GET', '/users/2')).toBe(match)
    expect(Object.isFrozen(match)).toBe(true)
  })

  it('matches nothing when it is empty', () => {
    expect(new RouteTable([]).match('GET', '/')).toBeUndefined()
  })

  it.each([
    ['GET /users', 'GET /users'],
    ['GET /users', 'get /users'],
    ['GET /users/{id}', 'GET /users/{userId}'],
    ['/x', '* /x'],
    ['GET /a/**', 'GET /a/**'],
    ['GET /%61', 'GET /a'],
    ['GET /é', 'GET /%C3%A9'],
  ])('rejects %j next to %j, naming both', (first, second) => {
    const message = `route '${parseRouteKey(second).key}' matches the same requests as '${parseRouteKey(first).key}'`
    expect(() => tableOf([first, 'GET /other', second])).toThrow(new TypeError(message))
  })

  it('rejects duplicates also with a route for any method between them', () => {
    expect(() => tableOf(['GET /x', '/x', 'GET /x'])).toThrow('matches the same requests')
    expect(() => tableOf(['/x', 'GET /x', '/x'])).toThrow('matches the same requests')
  })

  it.each([[['GET /x', '/x']], [['/x', 'GET /x']]])('prefers the exact method in the order %j', (keys) => {
    const table = tableOf(keys)
    expect([table.match('GET', '/x')?.key, table.match('PUT', '/x')?.key]).toEqual(['GET /x', '/x'])
  })
})

/** A simple and slow model: it tries every route, and the most specific match wins segment by segment. */
function scan(keys: readonly string[], method: string, path: string): string | undefined {
  const texts = canonicalPath(path).slice(1).split('/')
  const rank = { static: '0', param: '1', rest: '2' }
  const matches = keys.map(parseRouteKey).filter((route) => {
    const rest = route.segments.at(-1)?.kind === 'rest'
    const enough = rest ? texts.length >= route.segments.length : texts.length === route.segments.length
    return (
      enough &&
      (route.method === '*' || route.method === method) &&
      route.segments.every((segment, index) =>
        segment.kind === 'static'
          ? segment.text === texts[index]
          : segment.kind === 'rest' || texts[index] !== '',
      )
    )
  })
  const ranked = matches.map((route) => ({
    key: route.key,
    rank: route.segments.map(({ kind }) => rank[kind]).join('') + (route.method === '*' ? '9' : '8'),
  }))
  return ranked.toSorted((a, b) => (a.rank < b.rank ? -1 : 1))[0]?.key
}

describe('RouteTable against a scan of the list', () => {
  const text = fc.constantFrom('a', 'b', 'aa', '%41')
  const method = fc.constantFrom('GET', 'PUT', '*')
  const key = fc
    .tuple(
      method,
      fc.array(fc.oneof(text, text, fc.constant('{}')), { maxLength: 4 }),
      fc.constantFrom('', '', '/', '/**'),
    )
    .map(([method, parts, tail]) => {
      const path = parts.map((part, index) => (part === '{}' ? `/{p${index}}` : `/${part}`)).join('') + tail
      return `${method} ${path || '/'}`
    })
  const keys = fc.uniqueArray(key, {
    maxLength: 40,
    selector: (key) => key.replaceAll(/\{\w+\}/g, '{}'),
  })
  const path = fc
    .array(fc.oneof(text, text, fc.constantFrom('', '.', '..', 'x', 'A', '%62', 'c%2Fd')), { maxLength: 5 })
    .map((parts) => `/${parts.join('/')}`)

  it('always returns the same route', () => {
    fc.assert(
      fc.property(
        keys,
        fc.constantFrom('GET', 'PUT', 'POST'),
        fc.array(path, { minLength: 5 }),
        (keys, method, paths) => {
          const table = tableOf(keys)
          for (const path of paths) expect(table.match(method, path)?.key).toBe(scan(keys, method, path))
        },
      ),
      { seed: 1, numRuns: 1000 },
    )
  })
})

describe('RouteTable with hostile input', () => {
  /** Every mix of 'a' and a parameter over ten segments: each static branch has an alternative at each depth. */
  const mixes = Array.from({ length: 1024 }, (_, bits) =>
    Array.from({ length: 10 }, (_, index) => (((bits >> index) & 1) === 1 ? '/a' : `/{p${index}}`)).join(''),
  )

  it('visits no node twice, however late a path fails', () => {
    const table = tableOf(mixes.map((path) => `GET ${path}/end`))
    const get = vi.spyOn(Map.prototype, 'get')
    const match = table.match('GET', `${'/a'.repeat(10)}/nope`)
    const lookups = get.mock.calls.length
    get.mockRestore()
    expect(match).toBeUndefined()
    // There are 2047 nodes and one look-up for the method.
    expect(lookups).toBeGreaterThan(1)
    expect(lookups).toBeLessThanOrEqual(2048)
  })

  it('accepts paths and keys of any length', () => {
    const long = Array.from({ length: 20 }, (_, index) => `/a/{p${index}}`).join('')
    const table = tableOf([...mixes, '/x/**', `/k${long}`])
    expect(table.match('GET', '/a'.repeat(100_000))).toBeUndefined()
    expect(table.match('GET', `/x${'/a'.repeat(100_000)}`)?.key).toBe('/x/**')
    expect(table.match('GET', `/x${'/%2e%2e'.repeat(10_000)}`)).toBeUndefined()
    expect(table.match('GET', `/k${'/a/7'.repeat(20)}`)?.key).toBe(`/k${long}`)
  })
})
