import { describe, expect, it } from 'vitest'
import { parseRouteKey } from '../../src/routes/key.ts'

describe('parseRouteKey', () => {
  it('parses a key', () => {
    expect(parseRouteKey('GET /users/{id}/files/**')).toEqual({
      key: 'GET /users/{id}/files/**',
      method: 'GET',
      path: '/users/{id}/files/**',
      segments: [
        { kind: 'static', text: 'users' },
        { kind: 'param', name: 'id' },
        { kind: 'static', text: 'files' },
        { kind: 'rest', name: '**' },
      ],
    })
  })

  it.each([
    ['/reports/**', '*', '/reports/**'],
    ['* /x', '*', '* /x'],
    ['get /x', 'GET', 'GET /x'],
    ['m-search /x', 'M-SEARCH', 'M-SEARCH /x'],
  ])('reads the method of %s', (key, method, written) => {
    expect(parseRouteKey(key)).toMatchObject({ key: written, method })
  })

  it.each([
    ['/', ['']],
    ['/users', ['users']],
    ['/users/', ['users', '']],
    ['/a%2fb%41/%7eme', ['a%2FbA', '~me']],
    ['/café/a|b', ['caf%C3%A9', 'a%7Cb']],
    ['/v1.2/x:verb/@me/.well-known', ['v1.2', 'x:verb', '@me', '.well-known']],
  ])('canonicalises the static text of %s', (key, texts) => {
    expect(parseRouteKey(key).segments).toEqual(texts.map((text) => ({ kind: 'static', text })))
  })

  it.each(['{id}', '{user-id}', '{user.id}', '{größe}', '{0}', '{__proto__}'])(
    'accepts the name in %s',
    (part) => {
      expect(parseRouteKey(`/x/${part}`).segments[1]).toEqual({
        kind: 'param',
        name: part.slice(1, -1),
      })
    },
  )

  it.each([
    ['', 'start with'],
    ['users', 'start with'],
    ['GET users', 'start with'],
    ['GET  /users', 'start with'],
    [' /users', 'not a method'],
    ['G:T /users', 'not a method'],
    ['GET,PUT /users', 'not a method'],
    ['GET /users ', 'whitespace'],
    ['GET /a\tb', 'whitespace'],
    ['GET /a\nb', 'whitespace'],
    ['GET /a\0', 'control'],
    ['/users?x=1', "'?'"],
    ['/users#x', "'#'"],
    ['/a\\b', "'\\'"],
    ['/a%', 'hex'],
    ['/a%2', 'hex'],
    ['/a%zz', 'hex'],
    ['/a\ud800', 'surrogate'],
    ['//x', 'segment is empty'],
    ['/a//b', 'segment is empty'],
    ['/a/**/b', 'last segment'],
    ['/**/', 'last segment'],
    ['/a/*', 'wildcard'],
    ['/a/***', 'wildcard'],
    ['/a/b**', 'wildcard'],
    ['/a/{**}', 'wildcard'],
    ['/users/:id', "write '{id}'"],
    ['/a/./b', 'dot segment'],
    ['/a/..', 'dot segment'],
    ['/a/%2e%2E/b', 'dot segment'],
    ['/a/.%2e', 'dot segment'],
    ['/a/{}', 'name'],
    ['/a/{a b}', 'whitespace'],
    ['/a/{a,b}', 'name'],
    ['/a/{id}/b/{id}', 'twice'],
    ['/a/{id}b', 'whole segment'],
    ['/a/x{id}', 'whole segment'],
    ['/a/{id', 'whole segment'],
    ['/a/id}', 'whole segment'],
    ['/a/{{id}}', 'whole segment'],
    ['/a/{x}{y}', 'whole segment'],
  ])('rejects %j, naming it and what is wrong', (key, reason) => {
    expect(() => parseRouteKey(key)).toThrow(TypeError)
    expect(() => parseRouteKey(key)).toThrow(/^route /)
    expect(() => parseRouteKey(key)).toThrow(reason)
  })

  it('rejects a value that is not a string', () => {
    expect(() => parseRouteKey(42 as unknown as string)).toThrow(/must be a string, got 42/)
  })
})
