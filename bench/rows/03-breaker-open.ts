import { CircuitBreaker } from 'outrigger'
import { executeFailing } from '../harness/breaker.ts'
import type { Row } from '../harness/row.ts'
import { load } from '../peers/load.ts'

const work = async (): Promise<number> => 1

export const row: Row = {
  title: 'breaker refusing',
  variants: {
    outrigger: () => {
      const breaker = new CircuitBreaker()
      breaker.isolate()
      return executeFailing(breaker, work)
    },
    cockatiel: async () => {
      const { circuitBreaker, ConsecutiveBreaker, handleAll } = await load('cockatiel')
      const options = { halfOpenAfter: 60_000, breaker: new ConsecutiveBreaker(5) }
      const breaker = circuitBreaker(handleAll, options)
      breaker.isolate()
      return executeFailing(breaker, work)
    },
  },
  comparisons: [
    {
      name: 'to cockatiel',
      subject: 'outrigger',
      base: 'cockatiel',
      measure: 'cpu',
      unit: 'µs',
      target: 0.4,
    },
  ],
}
