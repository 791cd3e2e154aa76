import { CircuitBreaker } from 'outrigger'
import { executeFailing } from '../harness/breaker.ts'
import type { Row } from '../harness/row.ts'
import { load } from '../peers/load.ts'

const FILL = 100_000
const WINDOW_MS = 3_600_000
const error = new Error('refused')
const fail = (): Promise<number> => Promise.reject(error)

export const row: Row = {
  title: 'breaker failing, 100 000 calls in the window',
  variants: {
    outrigger: async () => {
      const breaker = new CircuitBreaker({ failureRate: 1, window: { ms: WINDOW_MS } })
      for (let call = 0; call < FILL; call++) await breaker.execute(async () => 1)
      return executeFailing(breaker, fail)
    },
    opossum: async () => {
      const { default: Opossum } = await load('opossum')
      let failing = false
      const breaker = new Opossum(async () => (failing ? fail() : 1), {
        timeout: false,
        rollingCountTimeout: WINDOW_MS,
        errorThresholdPercentage: 100,
      })
      for (let call = 0; call < FILL; call++) await breaker.fire()
      failing = true
      return executeFailing({ execute: () => breaker.fire() }, fail)
    },
  },
  comparisons: [
    { name: 'to opossum', subject: 'outrigger', base: 'opossum', measure: 'cpu', unit: 'µs', target: 0.01 },
  ],
}
