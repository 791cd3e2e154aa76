import type { SimulatedServer } from '../../src/testing/servers.ts'

/** A normally distributed number (Box and Muller), never negative. */
export function normal(random: () => number, mean: number, deviation: number): number {
  const radius = Math.sqrt(-2 * Math.log(1 - random()))
  return Math.max(mean + deviation * radius * Math.cos(2 * Math.PI * random()), 0)
}

/** A server that responds with 200, `latency` milliseconds after a request arrived, whatever else it does. */
export function delaying(
  id: string,
  latency: (now: number, random: () => number) => number,
): SimulatedServer {
  return { id, respond: ({ now, random }) => ({ after: latency(now, random), status: 200 }) }
}

/** A server that handles one request after the other. Each takes an exponentially distributed time. */
export function queueing(id: string, meanService: number): SimulatedServer {
  let free = 0
  return {
    id,
    respond: ({ now, random }) => {
      free = Math.max(free, now) - Math.log(1 - random()) * meanService
      return { after: free - now, status: 200 }
    },
  }
}

export function many<T>(count: number, make: (index: number) => T): readonly T[] {
  return Array.from({ length: count }, (_, index) => make(index))
}
