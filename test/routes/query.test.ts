import * as fc from 'fast-check'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { appendQuery, type Query } from '../../src/routes/query.ts'

describe('appendQuery', () => {
  it.each<[Query | undefined, string]>([
    [undefined, ''],
    [{}, ''],
    [
      {
        a: undefined,
        b: null,
        c: [],
        d: {},
        e: [null, undefined],
        f: { g: undefined },
      },
      '',
    ],
    [{ a: 'x', b: 1, c: 2n ** 64n, d: true, e: false }, '?a=x&b=1&c=18446744073709551616&d=true&e=false'],
    [{ a: '', b: 0 }, '?a=&b=0'],
    [{ id: [3, 4, 5] }, '?id=3&id=4&id=5'],
    [{ id: ['a', null, 'b', undefined, ''] }, '?id=a&id=b&id='],
    [{ color: { R: 100, G: 'x y', B: null } }, '?R=100&G=x%20y'],
    [{ since: new Date(0) }, '?since=1970-01-01T00%3A00%3A00.000Z'],
    [{ on: [new Date(0)] }, '?on=1970-01-01T00%3A00%3A00.000Z'],
    [{ range: { from: new Date(0) } }, '?from=1970-01-01T00%3A00%3A00.000Z'],
    [{ 'a[]': 'b&c=d#e+f g/é' }, '?a%5B%5D=b%26c%3Dd%23e%2Bf%20g%2F%C3%A9'],
    [{ a: 'x\r\nHost: evil.example' }, '?a=x%0D%0AHost%3A%20evil.example'],
    [
      new URLSearchParams([
        ["a", "b c"],
        ["a", "d"],
      ]),
      "?a=b+c&a=d",
    ], // oxfmt-ignore
    [new URLSearchParams(), ''],
    [Object.assign(Object.create(null), { a: 1 }) as Query, '?a=1'],
    [runInNewContext('({ a: [1], since: new Date(0) })') as Query, '?a=1&since=1970-01-01T00%3A00%3A00.000Z'],
  ])('%o → %s', (query, text) => {
    expect(appendQuery('/users', query)).toBe(`/users${text}`)
  })

  it.each([
    ['/u', '/u?a=1'],
    ['/u?', '/u?a=1'],
    ['/u?x=2', '/u?x=2&a=1'],
    ['/u?x=2&', '/u?x=2&a=1'],
    ['/u#top', '/u?a=1#top'],
    ['/u?x=2#top?', '/u?x=2&a=1#top?'],
    ['/u#top?x', '/u?a=1#top?x'],
  ])('joins %s with its own query and fragment', (path, joined) => {
    expect(appendQuery(path, { a: 1 })).toBe(joined)
    expect(appendQuery(path, {})).toBe(path)
  })

  it.each<[unknown, string]>([
    [{ a: { b: { c: 1 } } }, 'query.a.b must be'],
    [{ a: { b: [1] } }, 'query.a.b must be'],
    [{ a: [[1]] }, 'query.a must be'],
    [{ a: [{ b: 1 }] }, 'query.a must be'],
    [{ a: new Map() }, 'query.a must be'],
    [{ a: new URLSearchParams() }, 'query.a must be'],
    [{ a: Number.NaN }, 'query.a must be'],
    [{ a: -Infinity }, 'query.a must be'],
    [{ a: Symbol('s') }, 'query.a must be'],
    [{ a: () => 1 }, 'query.a must be'],
    [{ a: new Date(Number.NaN) }, 'query.a is an invalid date'],
    [{ a: '\udc00' }, 'query.a contains half of a surrogate pair'],
    [{ '\udc00': 1 }, 'contains half of a surrogate pair'],
    [null, 'query must be an object or URLSearchParams, got null'],
    ['a=1', "query must be an object or URLSearchParams, got 'a=1'"],
    [new Map([['a', 1]]), 'query must be an object or URLSearchParams'],
    [[['a', 1]], 'query must be an object or URLSearchParams'],
    [new FormData(), 'query must be an object or URLSearchParams'],
  ])('rejects %o', (query, message) => {
    const append = (): string => appendQuery('/users', query as Query)
    expect(append).toThrow(TypeError)
    expect(append).toThrow(message)
  })

  it('can be parsed back to the same values', () => {
    const text = fc.string({ unit: 'binary' })
    fc.assert(
      fc.property(fc.dictionary(text, fc.array(text, { minLength: 1 })), (query) => {
        const { pathname, searchParams, hash } = new URL(`http://h${appendQuery('/users', query)}`)
        const pairs = Object.entries(query).flatMap(([name, values]) => values.map((value) => [name, value]))
        expect([pathname, hash, ...searchParams]).toEqual(['/users', '', ...pairs])
      }),
      { seed: 6, numRuns: 500 },
    )
  })
})
