import { expect, it } from 'vitest'
import { retryAfter } from '../../src/retry/retry-after.ts'

const date = 'Mon, 23 Nov 2026 10:00:00 GMT'

it.each<[string | string[] | undefined, string | undefined, number]>([
  [undefined, date, 0],
  ['0', date, 0],
  ['2', date, 2_000],
  [' 2 ', undefined, 2_000],
  [['3', '4'], date, 3_000],
  ['Mon, 23 Nov 2026 10:00:05 GMT', date, 5_000],
  ['Mon, 23 Nov 2026 09:59:55 GMT', date, 0],
  ['Mon, 23 Nov 2026 10:00:05 GMT', undefined, 0],
  ['99999999', date, 60_000],
  ['Mon, 23 Nov 2126 10:00:00 GMT', date, 60_000],
  ['soon', date, 0],
  ['-5', date, 0],
  ['1.5', date, 0],
])('Retry-After %j with Date %j is %d ms', (header, when, expected) => {
  expect(retryAfter(header, when, 60_000)).toBe(expected)
})
