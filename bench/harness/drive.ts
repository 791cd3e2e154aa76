/** Makes `ops` calls, `concurrency` at a time. */
export async function drive(concurrency: number, ops: number, call: () => Promise<unknown>): Promise<void> {
  let left = ops
  const runner = async (): Promise<void> => {
    while (left-- > 0) await call()
  }
  await Promise.all(Array.from({ length: concurrency }, runner))
}

/** Round robin as a user without a balancer writes it. */
export function naiveRoundRobin<T>(items: readonly T[]): () => T {
  let next = 0
  return () => items[next++ % items.length] as T
}

const held: unknown[] = []

/**
 * Leaves two requests open, one without a response and one within its body. A collection without a request in flight,
 * as between two rounds, removes the hidden classes of requests and the code compiled for them. A client under load
 * never has this cost, and whether a round has it is random.
 */
export async function stayBusy(call: (path: string) => Promise<unknown>): Promise<void> {
  held.push(call('/held').catch(String), await call('/half'))
}
