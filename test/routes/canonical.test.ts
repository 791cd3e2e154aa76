import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canonicalPath } from '../../src/routes/canonical.ts'

describe('canonicalPath', () => {
  it.each([
    ['/users/42', '/users/42'],
    ['/users/42?a=/../x', '/users/42'],
    ['/users/42#a', '/users/42'],
    ['/users/', '/users/'],
    ['/a//b', '/a//b'],
    ['//evil.example/x', '//evil.example/x'],
    ['', '/'],
    ['?a', '/'],
    ['users', '/users'],
    ['/public/../admin', '/admin'],
    ['/public/%2e%2E/admin', '/admin'],
    ['/public/.%2e/admin?x', '/admin'],
    ['/../../admin', '/admin'],
    ['/a/./b/.', '/a/b/'],
    ['/a/b/..', '/a/'],
    ['/public\\..\\admin', '/admin'],
    ['\\admin', '/admin'],
    ['/public/..%2fadmin', '/public/..%2Fadmin'],
    ['/%252e%252e/a', '/%252e%252e/a'],
    ['/ad\tm\r\nin', '/admin'],
    ['/.\t./admin', '/admin'],
    ['/%61dm%69n', '/admin'],
    ['/a%2db%5Fc%2Ed%7e', '/a-b_c.d~'],
    ['/a%2fb%3a%40', '/a%2Fb%3A%40'],
    ['/a b/<x>', '/a%20b/%3Cx%3E'],
    ['/caf\u00e9/caf%c3%a9', '/caf%C3%A9/caf%C3%A9'],
    ['/a|b[c]^', '/a%7Cb%5Bc%5D%5E'],
    ['/100%/%zz', '/100%25/%25zz'],
    ['/%a%41', '/%25aA'],
    ['/.well-known/...', '/.well-known/...'],
  ])('%j → %j', (path, canonical) => {
    expect(canonicalPath(path)).toBe(canonical)
  })

  const path = fc
    .array(
      fc.oneof(
        fc.constantFrom('/', '/', '.', '%2e', '%', '\\', '|', '%41', '\t', 'a', '?', '#'),
        fc.string(),
      ),
    )
    .map((parts) => `/${parts.join('')}`)

  it('is stable: it does not change a canonical path', () => {
    fc.assert(
      fc.property(path, (path) => {
        const canonical = canonicalPath(path)
        expect(canonicalPath(canonical)).toBe(canonical)
      }),
      { seed: 2, numRuns: 1000 },
    )
  })

  it('names the same resource as the result of the URL parser', () => {
    const decoded = (path: string): string =>
      path.replaceAll(/%(?:[\da-f]{2})?/gi, (hex) => {
        if (hex === '%') return '%25'
        const char = String.fromCharCode(Number.parseInt(hex.slice(1), 16))
        return /[\w.~|^[\]-]/.test(char) ? char : hex.toUpperCase()
      })
    fc.assert(
      fc.property(path, (path) => {
        expect(decoded(canonicalPath(path))).toBe(decoded(new URL(`http://h${path}`).pathname))
      }),
      { seed: 3, numRuns: 1000 },
    )
  })
})
