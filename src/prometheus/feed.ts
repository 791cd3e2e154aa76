import type { Measured } from '../client/metrics-source.ts'
import type { ClientEvents } from '../observe/events.ts'
import { watch, type Watchable, type Watcher } from '../observe/watchers.ts'

/**
 * Calls the watcher for each call and attempt, with `inContext` in the async context of the call. Returns a function that
 * ends it.
 */
export function feed(
  measured: Measured & Partial<Watchable>,
  watcher: Watcher,
  inContext: boolean,
): () => void {
  return inContext || !measured[watch] ? watchByEvents(measured, watcher) : measured[watch](watcher)
}

/** Costs more than a watcher: an event is made for each call and attempt. */
function watchByEvents(client: Measured, watcher: Watcher): () => void {
  const onCall = ({ service, route, method, outcome, duration }: ClientEvents['call']): void =>
    watcher.call(service, route, method, outcome, duration)
  const onAttempt = ({ service, route, instance, outcome, duration }: ClientEvents['attempt']): void =>
    watcher.attempt(service, route, instance, outcome, duration)
  const others = [...watcher.names].map(
    (name) => [name, (event: ClientEvents[typeof name]) => watcher.event(name, event)] as const,
  )
  client.on('call', onCall)
  client.on('attempt', onAttempt)
  for (const [name, listener] of others) client.on(name, listener)
  return () => {
    client.off('call', onCall)
    client.off('attempt', onAttempt)
    for (const [name, listener] of others) client.off(name, listener)
  }
}
