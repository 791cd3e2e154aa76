import { CircuitBreaker } from 'outrigger'
import { execute } from '../harness/breaker.ts'
import type { Row } from '../harness/row.ts'
import { load } from '../peers/load.ts'

const work = async (): Promise<number> => 1

export const row: Row = {
  title: 'breaker with a time window, success',
  variants: {
    'rates and slow calls': () => {
      const rates = { failureRate: 0.5, slowCallRate: 0.5, slowCallDuration: 1000, window: { ms: 30_000 } }
      return execute(new CircuitBreaker(rates), work)
    },
    rates: () => execute(new CircuitBreaker({ failureRate: 0.5, window: { ms: 30_000 } }), work),
    cockatiel: async () => {
      const { circuitBreaker, SamplingBreaker, handleAll } = await load('cockatiel')
      const breaker = new SamplingBreaker({ threshold: 0.5, duration: 30_000 })
      return execute(circuitBreaker(handleAll, { halfOpenAfter: 60_000, breaker }), work)
    },
  },
  comparisons: [
    {
      name: 'rates and slow calls, to cockatiel without slow calls',
      subject: 'rates and slow calls',
      base: 'cockatiel',
      measure: 'cpu',
      unit: 'µs',
      target: 1,
    },
    {
      name: 'rates, to cockatiel',
      subject: 'rates',
      base: 'cockatiel',
      measure: 'cpu',
      unit: 'µs',
      target: 1,
    },
  ],
}
