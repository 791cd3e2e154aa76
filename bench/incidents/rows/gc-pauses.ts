import type { Incident } from '../incident.ts'

export const incident: Incident = {
  id: 'gc-pauses',
  title: 'The client’s process pauses often',
  what: 'The process of the client pauses for 120 ms every 400 ms, for 4 s, like a process that is short of memory. Three healthy instances respond in 30 ms. Every call has an AbortSignal.timeout of 150 ms from the caller.',
  servers: 3,
  behaviour: { delay: 30 },
  duration: 7000,
  rate: 80,
  limit: 150,
  patience: 2000,
  steps: Array.from({ length: 10 }, (_, n) => ({ at: 1000 + 400 * n, run: (world) => world.stall(120) })),
  over: 4720,
}
