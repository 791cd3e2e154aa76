import { describe, expect, it, vi } from 'vitest'
import { keyReader } from '../../src/balance/key.ts'
import { directivesOf } from '../../src/fallback/cache-control.ts'
import { RequestKeys } from '../../src/fallback/key.ts'
import { quote } from '../../src/quote.ts'
import { jsonLines, MAX_ANSWER } from '../../src/registry/http/json-lines.ts'
import { unpackMeta } from '../../src/registry/http/string-meta.ts'
import { readList } from '../../src/registry/listed.ts'
import { redactUrl } from '../../src/registry/origin.ts'
import { validateSnapshot } from '../../src/registry/snapshot.ts'
import { retryAfter } from '../../src/verdict/retry-after.ts'

/** All functions that read text from a server or a registry. */
const READERS: Record<string, (text: string) => unknown> = {
  'redactUrl()': redactUrl,
  'an entry of a snapshot': (url) => validateSnapshot([{ id: 'x', url }]),
  'an entry with this scheme': (rest) => validateSnapshot([{ id: 'x', url: `http://u:p@h${rest}` }]),
  'a socket': (rest) => validateSnapshot([{ id: 'x', url: `unix:${rest}` }]),
  'a list of targets': (target) => readList([target, { targets: [target] }]),
  'metadata in strings': (text) => unpackMeta({ outrigger: text, zone: text }),
  'Retry-After': (text) => retryAfter(text, text, 1_000),
  'Cache-Control': (text) => directivesOf(new Headers({ 'cache-control': text })),
  Vary: (text) => new RequestKeys().covers(text),
  'a cookie': (text) => keyReader('key', { cookie: 'sid' })({ header: () => text } as never),
  'quote()': quote,
}

const UNITS = ['/', '@', ':', 'a:', '?', '#', ',', '=', ';', '"', '[', ']', '%2', '0', '{', '\\', '. ']

describe.each(Object.entries(READERS))('%s', (_name, read) => {
  // In quadratic time, one of these would take minutes, and the test would time out.
  it.each(UNITS)('reads one megabyte of %j in linear time, also with an end that does not match', (unit) => {
    const text = unit.repeat(1_000_000 / unit.length)
    for (const long of [text, `${text}x`, `http:${text}`, `x${text}@`]) expect(() => read(long)).not.toThrow()
  })
})

it('concatenates the pieces of a long line once', async () => {
  const concat = vi.spyOn(Buffer, 'concat')
  const copied = async (pieces: number): Promise<number> => {
    concat.mockClear()
    async function* chunks(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('"')
      for (let i = 0; i < pieces; i++) yield Buffer.from('x'.repeat(100))
      yield Buffer.from('"\n')
    }
    for await (const documents of jsonLines(chunks(), MAX_ANSWER)) expect(documents).toHaveLength(1)
    return concat.mock.calls.reduce(
      (sum, [list]) => sum + list.reduce((all, { length }) => all + length, 0),
      0,
    )
  }
  expect(await copied(1_000)).toBe(10 * (await copied(100)) - 18)
})
