import { describe, expect, it } from 'vitest'
import { roundRobin } from '../../src/balance/round-robin.ts'
import { simulate, type SimulatedPolicy } from '../../src/testing/simulate.ts'
import type { SimulatedServer } from '../../src/testing/servers.ts'

const bare = (): SimulatedPolicy => ({ balance: roundRobin(), breaker: false, retry: false, timeout: false })

/** A server that processes one request after the other, each for an exponential time with a mean of 10 ms. */
function queue(): SimulatedServer {
  let free = 0
  return {
    id: 'queue',
    respond: ({ now, random }) => {
      free = Math.max(free, now) - Math.log(1 - random()) * 10
      return { after: free - now, status: 200 }
    },
  }
}

describe('simulate() against queueing theory', () => {
  it.each([
    [0.3, 10 / 0.7],
    [0.5, 20],
    [0.7, 10 / 0.3],
  ])('M/M/1 at load %d: response times are exponential with a mean of %d ms', async (load, mean) => {
    const { latency } = await simulate({
      seed: 7,
      duration: 600_000,
      warmup: 10_000,
      client: bare,
      servers: [queue()],
      arrivals: { rate: 100 * load },
    })
    const quantile = (share: number): number => -Math.log(1 - share) * mean
    expect(Math.abs(latency.mean / mean - 1)).toBeLessThan(0.05)
    expect(Math.abs(latency.p50 / quantile(0.5) - 1)).toBeLessThan(0.05)
    expect(Math.abs(latency.p90 / quantile(0.9) - 1)).toBeLessThan(0.05)
    expect(Math.abs(latency.p99 / quantile(0.99) - 1)).toBeLessThan(0.1)
  })

  it('follows Little’s law: the mean number of requests in a server is rate times time, plus the arriving one', async () => {
    let seen = 0
    const { logical } = await simulate({
      seed: 2,
      duration: 120_000,
      client: bare,
      servers: [
        {
          id: 'a',
          respond: ({ inFlight }) => {
            seen += inFlight
            return { after: 80, status: 200 }
          },
        },
      ],
      arrivals: { rate: 100 },
    })
    expect(Math.abs(seen / logical - (100 * 0.08 + 1))).toBeLessThan(0.2)
  })

  it('calculates percentiles by nearest rank', async () => {
    let asked = 0
    const { latency } = await simulate({
      duration: 10_005,
      client: bare,
      servers: [{ id: 'a', respond: () => ({ after: ++asked, status: 200 }) }],
      arrivals: { rate: 100, process: 'uniform' },
    })
    expect(asked).toBe(1000)
    const rounded = Object.entries(latency).map(([name, ms]) => [name, Number(ms.toFixed(6))])
    expect(Object.fromEntries(rounded)).toEqual({ mean: 500.5, p50: 500, p90: 900, p99: 990, p999: 999 })
  })
})
