import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { eventData } from '../../src/registry/http-source/events.ts'

async function read(text: string, size = Infinity): Promise<string[]> {
  async function* chunks(): AsyncGenerator<Uint8Array> {
    const bytes = Buffer.from(text)
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
  }
  const all: string[] = []
  for await (const data of eventData(chunks(), () => {})) all.push(data)
  return all
}

it.each([
  ['LF', '\n'],
  ['CRLF', '\r\n'],
  ['CR', '\r'],
])('reads events whose lines end with %s', async (_name, end) => {
  const lines = ['data: one', '', ': a comment', 'data: two', 'data:lines', '', 'id: 7', '', 'data: open']
  expect(await read(lines.join(end))).toEqual(['one', 'two\nlines'])
})

it('a field data without a colon is an empty line of data', async () => {
  expect(await read('data: a\ndata\ndata: b\n\n')).toEqual(['a\n\nb'])
})

it('reads the same events, however the stream is divided into chunks', async () => {
  const line = fc.constantFrom('data: x', 'data:y', 'data', 'database: no', ': comment', 'id: 1', '')
  const end = fc.constantFrom('\n', '\r\n', '\r')
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(line, end)), fc.integer({ min: 1, max: 5 }), async (lines, size) => {
      const text = lines.flat().join('')
      expect(await read(text, size)).toEqual(await read(text))
    }),
  )
})
