import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { expandPath, type PathParams } from '../../src/routes/expand.ts'
import { parseRouteKey } from '../../src/routes/key.ts'
import { RouteTable } from '../../src/routes/match.ts'
import { pathParams } from '../../src/routes/params.ts'

describe('expandPath', () => {
  it.each<[string, PathParams | undefined, string]>([
    ['GET /', undefined, '/'],
    ['GET /users/', {}, '/users/'],
    ['GET /café', {}, '/caf%C3%A9'],
    ['GET /users/{id}', { id: 42 }, '/users/42'],
    ['GET /users/{id}', { id: 0 }, '/users/0'],
    ['GET /users/{id}', { id: -1.5 }, '/users/-1.5'],
    ['GET /users/{id}', { id: 1e21 }, '/users/1e%2B21'],
    ['GET /users/{id}', { id: 2n ** 64n }, '/users/18446744073709551616'],
    ['GET /users/{id}', { id: false }, '/users/false'],
    ['GET /{a}/x/{b}', { b: 'B', a: 'A' }, '/A/x/B'],
    ['GET /users/{id}', { id: 'a/b?c#d\\e%2e' }, '/users/a%2Fb%3Fc%23d%5Ce%252e'],
    ['GET /users/{id}', { id: '../admin' }, '/users/..%2Fadmin'],
    ['GET /users/{id}', { id: '...' }, '/users/...'],
    ['GET /users/{id}', { id: '%2e%2e' }, '/users/%252e%252e'],
    ['GET /users/{id}', { id: 'é 😀' }, '/users/%C3%A9%20%F0%9F%98%80'],
    ['GET /{__proto__}', Object.fromEntries([['__proto__', 'x']]), '/x'],
    ['/files/**', { '**': '2026/a b.csv' }, '/files/2026/a%20b.csv'],
    ['/files/{id}/**', { id: 1, '**': 7 }, '/files/1/7'],
  ])('%s with %o → %s', (key, params, path) => {
    expect(expandPath(key, params)).toBe(path)
    expect(expandPath(parseRouteKey(key), params)).toBe(path)
  })

  it('encodes line breaks in a value, so that it cannot inject a header', () => {
    expect(
      expandPath('GET /users/{id}', {
        id: '1 HTTP/1.1\r\nHost: evil.example\r\n\r\n',
      }),
    ).toBe('/users/1%20HTTP%2F1.1%0D%0AHost%3A%20evil.example%0D%0A%0D%0A')
  })

  it.each<[string, unknown, string]>([
    ['GET /users/{id}', undefined, "parameter 'id' of route 'GET /users/{id}' is missing"],
    ['GET /users/{id}', { id: undefined }, "parameter 'id' of route 'GET /users/{id}' is missing"],
    ['GET /users/{id}', { id: null }, "parameter 'id' of route 'GET /users/{id}' is missing"],
    ['GET /users/{id}', { id: '' }, "parameter 'id' of route 'GET /users/{id}' is empty"],
    ['GET /{toString}', {}, "parameter 'toString' of route 'GET /{toString}' is missing"],
    [
      'GET /users/{id}',
      { id: '.' },
      "parameter 'id' of route 'GET /users/{id}' must not be the dot segment '.'",
    ],
    ['GET /users/{id}', { id: '..' }, "must not be the dot segment '..'"],
    ['GET /users/{id}', { id: Number.NaN }, 'a finite number, a bigint or a boolean, got NaN'],
    ['GET /users/{id}', { id: Infinity }, 'got Infinity'],
    ['GET /users/{id}', { id: {} }, 'got {}'],
    ['GET /users/{id}', { id: ['a'] }, "got [ 'a' ]"],
    [
      'GET /users/{id}',
      { id: '\ud800' },
      "parameter 'id' of route 'GET /users/{id}' contains half of a surrogate",
    ],
    ['GET /users/{id}', { id: 1, ID: 2 }, "route 'GET /users/{id}' has no parameter 'ID'"],
    ['GET /users', { users: 1 }, "route 'GET /users' has no parameter 'users'"],
    ['/files/**', {}, "parameter '**' of route '/files/**' is missing"],
    ['/files/**', { '**': '' }, "parameter '**' of route '/files/**' is empty"],
    ['/files/**', { '**': '/a' }, "parameter '**' of route '/files/**' has an empty segment"],
    ['/files/**', { '**': 'a//b' }, 'has an empty segment'],
    ['/files/**', { '**': 'a/../../b' }, "must not be the dot segment '..'"],
  ])('rejects %s with %o', (key, params, message) => {
    const expand = (): string => expandPath(key, params as PathParams)
    expect(expand).toThrow(TypeError)
    expect(expand).toThrow(message)
  })
})

describe('an expanded path', () => {
  const key = 'GET /v1/{a}/x/{b}/**'
  const part = fc
    .oneof(
      fc.string({ minLength: 1, unit: 'binary' }),
      fc.constantFrom('...', '%2e', '/', '\\', '\r\n', '//', '?#', '@', ':'),
    )
    .filter((text) => text !== '.' && text !== '..')
  const rest = fc
    .array(part, { minLength: 1, maxLength: 3 })
    .map((parts) => parts.map((text) => text.replaceAll('/', '|')))

  it('is parsed back into exactly its segments', () => {
    fc.assert(
      fc.property(part, part, rest, (a, b, rest) => {
        const path = expandPath(key, { a, b, '**': rest.join('/') })
        const url = new URL(`http://h${path}`)
        expect(url.pathname).toBe(path)
        expect(url.href).toBe(`http://h${path}`)
        expect(path.slice(1).split('/').map(decodeURIComponent)).toEqual(['v1', a, 'x', b, ...rest])
      }),
      { seed: 4, numRuns: 1000 },
    )
  })

  it('matches its route and returns its parameters', () => {
    const table = new RouteTable([
      [key, 1],
      ['/**', 2],
    ])
    fc.assert(
      fc.property(part, part, rest, (a, b, rest) => {
        const path = expandPath(key, { a, b, '**': rest.join('/') })
        const match = table.match('GET', `${path}?a=b`)
        expect(match?.key).toBe(key)
        expect({ ...(match && pathParams(match, `${path}?a=b`)) }).toEqual({
          a,
          b,
          '**': rest.join('/'),
        })
      }),
      { seed: 5, numRuns: 1000 },
    )
  })
})

describe('pathParams', () => {
  it.each<[string, string, Record<string, string>]>([
    ['/users', '/users?id=1', {}],
    ['/users/{id}', '/users/a%20b%2Fc?id=2#x', { id: 'a b/c' }],
    ['/users/{id}', '/x/../users/%34%32', { id: '42' }],
    ['/users/{id}', '/users/%ff', { id: '%FF' }],
    ['/users/{id}', '/users/100%', { id: '100%' }],
    ['/{a}/{b}', '/1/2', { a: '1', b: '2' }],
    ['/files/**', '/files/', { '**': '' }],
    ['/files/**', '/files/a%20b//c/', { '**': 'a b//c/' }],
  ])('%s of %s', (key, path, params) => {
    expect({ ...pathParams(parseRouteKey(key), path) }).toEqual(params)
  })

  it('accepts any name, also names of Object.prototype', () => {
    const params = pathParams(parseRouteKey('/{__proto__}'), '/x')
    expect(Object.entries(params)).toEqual([['__proto__', 'x']])
    expect(pathParams(parseRouteKey('/x'), '/x')['constructor']).toBeUndefined()
  })
})
