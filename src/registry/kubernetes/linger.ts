import type { Clock } from '../../clock.ts'
import type { Instance } from '../source.ts'
import type { Endpoints } from './slices.ts'

/** How long an endpoint may be in no slice before it counts as removed, in ms. */
const LINGER = 200

/**
 * Keeps an endpoint that vanished for a moment: while the controller moves an endpoint from one slice to
 * another, it may be in neither. An endpoint that is still listed, but as not ready, is removed at once.
 */
export async function* linger(
  open: (signal: AbortSignal) => AsyncGenerator<Endpoints, void>,
  clock: Clock,
  signal: AbortSignal,
): AsyncGenerator<readonly Instance[], void> {
  const stop = new AbortController()
  const updates = open(AbortSignal.any([signal, stop.signal]))
  const shown = new Map<string, Instance>()
  let lostAt = new Map<string, number>()
  let endpoints: Endpoints = new Map()
  let next = nextOf(updates)
  try {
    for (;;) {
      const update = await until(next, Math.min(...lostAt.values()) + LINGER, clock)
      if (update?.done) return
      if (update) {
        endpoints = update.value
        next = nextOf(updates)
      }
      const now = clock.now()
      const gone = [...shown.keys()].filter((id) => !endpoints.has(id))
      lostAt = new Map(gone.map((id) => [id, lostAt.get(id) ?? now]))
      const overdue = gone.filter((id) => now - (lostAt.get(id) ?? now) >= LINGER)
      // A timer may fire slightly early.
      if (!update && overdue.length === 0) continue
      for (const id of overdue) {
        shown.delete(id)
        lostAt.delete(id)
      }
      for (const [id, instance] of endpoints) {
        if (instance) shown.set(id, instance)
        else shown.delete(id)
      }
      yield [...shown.values()]
    }
  } finally {
    stop.abort()
    await updates.return()
  }
}

type Update = IteratorResult<Endpoints, void>

/** Prevents an unhandled rejection, because `next` may reject before it is awaited. */
function nextOf(updates: AsyncGenerator<Endpoints, void>): Promise<Update> {
  const next = updates.next()
  next.catch(() => {})
  return next
}

/** Returns undefined when `time` is reached before the next update. */
async function until(next: Promise<Update>, time: number, clock: Clock): Promise<Update | undefined> {
  if (time === Infinity) return next
  const done = new AbortController()
  const timer = clock.sleep(Math.max(time - clock.now(), 0), done.signal, { ref: false })
  try {
    return await Promise.race([next, timer.then(() => undefined)])
  } finally {
    done.abort()
    timer.catch(() => {})
  }
}
