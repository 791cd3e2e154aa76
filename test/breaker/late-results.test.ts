import { expect, it } from 'vitest'
import { createWindow } from '../../src/breaker/window.ts'

it('a result with an earlier time removes nothing from the window', () => {
  const window = createWindow({ ms: 1000 })
  for (const now of [950, 850, 950]) {
    window.expire(now)
    window.record(true, false)
  }
  expect(window.calls).toBe(3)
  expect(window.failures).toBe(3)
})
