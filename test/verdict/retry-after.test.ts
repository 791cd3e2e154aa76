import { expect, it } from 'vitest'
import { retryAfter } from '../../src/verdict/retry-after.ts'
import { CHILD_TIMEOUT, runChild } from '../support/child.ts'

const date = 'Mon, 23 Nov 2026 10:00:00 GMT'
/** A clock that is wrong by one day. */
const now = Date.parse('Tue, 24 Nov 2026 10:00:00 GMT')

it.each<[string | string[] | undefined, string | string[] | undefined, number]>([
  [undefined, date, 0],
  ['0', date, 0],
  ['2', date, 2_000],
  [' 2 ', undefined, 2_000],
  [['3', '4'], date, 3_000],
  ['Mon, 23 Nov 2026 10:00:05 GMT', date, 5_000],
  ['Monday, 23-Nov-26 10:00:05 GMT', date, 5_000],
  ['Mon, 23 Nov 2026 09:59:55 GMT', date, 0],
  ['Tue, 24 Nov 2026 10:00:05 GMT', undefined, 5_000],
  ['Tue, 24 Nov 2026 10:00:05 GMT', 'soon', 5_000],
  ['Tue, 24 Nov 2026 10:00:05 GMT', [date, date], 5_000],
  ['99999999', date, 99_999_999_000],
  ['1.5', date, 1_500],
  ['.5', date, 0],
  ['1.', date, 0],
  ['1e3', date, 0],
  ['soon', date, 0],
  ['-5', date, 0],
  ['2026', date, 2_026_000],
])('Retry-After %j with Date %j is %d ms', (header, when, expected) => {
  expect(retryAfter(header, when, now)).toBe(expected)
})

it.each(['America/New_York', 'Asia/Tokyo'])(
  'reads the dates of asctime() as UTC in %s',
  async (zone) => {
    const script = `
    import { retryAfter } from './src/verdict/retry-after.ts'
    console.log(retryAfter('Mon Nov 23 10:00:05 2026', '${date}', 0))
    console.log(retryAfter('Fri Nov  6 10:00:05 2026', 'Fri Nov  6 10:00:00 2026', 0))
  `
    const { stdout } = await runChild(`process.env.TZ = '${zone}'\n${script}`)
    expect(stdout).toBe('5000\n5000\n')
  },
  CHILD_TIMEOUT,
)
