import type { Round } from './row.ts'

/** A round of calls through a breaker, one after the other. */
export function execute(
  breaker: { execute(fn: () => Promise<number>): Promise<unknown> },
  work: () => Promise<number>,
): Round {
  return async (ops) => {
    for (let op = 0; op < ops; op++) await breaker.execute(work)
  }
}

/** The same, with calls that are all refused or fail. */
export function executeFailing(
  breaker: { execute(fn: () => Promise<number>): Promise<unknown> },
  work: () => Promise<number>,
): Round {
  return async (ops) => {
    let failed = 0
    for (let op = 0; op < ops; op++) {
      try {
        await breaker.execute(work)
      } catch {
        failed++
      }
    }
    if (failed !== ops) throw new Error(`${ops - failed} calls succeeded that should have failed`)
  }
}
