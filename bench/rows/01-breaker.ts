import { CircuitBreaker } from 'outrigger'
import { execute } from '../harness/breaker.ts'
import type { Row } from '../harness/row.ts'
import { load } from '../peers/load.ts'

const work = async (): Promise<number> => 1

export const row: Row = {
  title: 'standalone breaker, success',
  variants: {
    outrigger: () => execute(new CircuitBreaker(), work),
    cockatiel: async () => {
      const { circuitBreaker, ConsecutiveBreaker, handleAll } = await load('cockatiel')
      return execute(
        circuitBreaker(handleAll, { halfOpenAfter: 60_000, breaker: new ConsecutiveBreaker(5) }),
        work,
      )
    },
    opossum: async () => {
      const { default: Opossum } = await load('opossum')
      const breaker = new Opossum(work, {})
      return execute({ execute: () => breaker.fire() }, work)
    },
  },
  comparisons: [
    { name: 'to cockatiel', subject: 'outrigger', base: 'cockatiel', measure: 'cpu', unit: 'µs', target: 1 },
    { name: 'to opossum', subject: 'outrigger', base: 'opossum', measure: 'cpu', unit: 'µs', target: 0.2 },
  ],
}
