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
