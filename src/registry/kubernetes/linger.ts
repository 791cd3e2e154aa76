import type { Clock } from '../../clock.ts'
import type { Instance } from '../source.ts'
import type { Endpoints } from './slices.ts'

/** Milliseconds an endpoint may be in no slice before it counts as gone. */
const LINGER = 200

/**
 * While the controller moves an endpoint from one slice to another it may be in neither: what vanishes without
 * having been marked is kept for a moment. An endpoint that is still listed, as not ready, goes at once.
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
      // A timer may fire a little early.
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

/** Nobody may be waiting yet when it fails. */
function nextOf(updates: AsyncGenerator<Endpoints, void>): Promise<Update> {
  const next = updates.next()
  next.catch(() => {})
  return next
}

/** Undefined when the time has come first. */
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
