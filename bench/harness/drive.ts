/** Makes `ops` calls, `concurrency` at a time. */
export async function drive(concurrency: number, ops: number, call: () => Promise<unknown>): Promise<void> {
  let left = ops
  const runner = async (): Promise<void> => {
    while (left-- > 0) await call()
  }
  await Promise.all(Array.from({ length: concurrency }, runner))
}

/** What a user without a balancer writes. */
export function naiveRoundRobin<T>(items: readonly T[]): () => T {
  let next = 0
  return () => items[next++ % items.length] as T
}

const held: unknown[] = []

/**
 * Leaves two requests open, one without an answer and one in the middle of its body. A collection that finds no request in
 * flight, as between two rounds, throws away every hidden class of one, and with them all code compiled for it: a
 * client under load never pays for that, and whether a round does is chance.
 */
export async function stayBusy(call: (path: string) => Promise<unknown>): Promise<void> {
  held.push(call('/held').catch(String), await call('/half'))
}
