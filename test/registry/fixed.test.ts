import { getEventListeners } from 'node:events'
import { expect, it } from 'vitest'
import { fixed } from '../../src/registry/fixed.ts'

it('yields its list once and then waits for the abort', async () => {
  const controller = new AbortController()
  const source = fixed(['http://a:1', { url: 'http://b:1', weight: 2 }])
  const iterator = source.watch('any', { signal: controller.signal })[Symbol.asyncIterator]()
  expect(await iterator.next()).toEqual({
    done: false,
    value: [
      { id: 'a:1', url: 'http://a:1' },
      { id: 'b:1', url: 'http://b:1', weight: 2 },
    ],
  })
  const pending = iterator.next()
  controller.abort()
  expect(await pending).toEqual({ done: true, value: undefined })
  expect(getEventListeners(controller.signal, 'abort')).toEqual([])
  expect(source.emptyGrace).toBe(0)
  const late = source.watch('any', { signal: controller.signal })[Symbol.asyncIterator]()
  expect(await late.next()).toEqual({ done: true, value: undefined })
})

it.each([
  ['http://a:1', /fixed\(\) needs an array/],
  [['http://a:1', 'nonsense'], /entry 1, 'nonsense': url must be an absolute/],
  [[{ url: 'http://a:0' }], /entry 0, \{ url: 'http:\/\/a:0' \}: .*port 0/],
  [[{ url: 'http://a:1', weight: -1 }], /entry 0, .*weight/],
  [['http://a:1', 'http://a:1/'], /entry 1, .*duplicate id 'a:1'/],
  [[undefined], /entry 0, undefined/],
])('refuses %j when it is made', (list, message) => {
  const make = (): unknown => fixed(list as string[])
  expect(make).toThrow(TypeError)
  expect(make).toThrow(message)
})

it('does not quote credentials', () => {
  expect(() => fixed(['http://user:s3cret@a:1'])).toThrow(/^(?!.*s3cret).*credentials/)
})
