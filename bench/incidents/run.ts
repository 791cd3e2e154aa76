import { availableParallelism } from 'node:os'
import { Child } from '../harness/child.ts'
import type { Incident } from './incident.ts'
import type { Run } from './verdict.ts'

/** Runs an incident once, in a separate process. `tell` gets the number of lost calls each second. */
async function once(incident: Incident, tell: (lost: readonly number[]) => void): Promise<Run> {
  const child = new Child(
    new URL('runner.ts', import.meta.url),
    [incident.id],
    ['--conditions=@outrigger/source'],
  )
  try {
    for (;;) {
      const message = (await child.message()) as { run?: Run; progress?: readonly number[] }
      if (message.run) return message.run
      tell(message.progress ?? [])
    }
  } finally {
    await child[Symbol.asyncDispose]()
  }
}

/**
 * Runs each incident once, as many at a time as there are cores. Incidents that need much CPU run alone, at the end.
 */
export async function runAll(
  incidents: readonly Incident[],
  done: (incident: Incident, run: Run) => void,
  tell: (incident: Incident, lost: readonly number[]) => void,
): Promise<void> {
  const work = async (queue: Incident[]): Promise<void> => {
    for (let incident = queue.shift(); incident; incident = queue.shift()) {
      const current = incident
      done(current, await once(current, (lost) => tell(current, lost)))
    }
  }
  const together = incidents.filter(({ alone }) => !alone)
  await Promise.all(Array.from({ length: availableParallelism() }, () => work(together)))
  await work(incidents.filter(({ alone }) => alone))
}
