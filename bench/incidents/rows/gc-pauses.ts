import type { Incident } from '../incident.ts'

export const incident: Incident = {
  id: 'gc-pauses',
  title: 'The client’s process pauses often',
  what: 'As a process short of memory does: 120 ms of pause every 400 ms, for 4 s. Three healthy instances, 30 ms per answer, and the caller’s own AbortSignal.timeout of 150 ms on every call.',
  servers: 3,
  behaviour: { delay: 30 },
  duration: 7000,
  rate: 80,
  limit: 150,
  patience: 2000,
  steps: Array.from({ length: 10 }, (_, n) => ({ at: 1000 + 400 * n, run: (world) => world.stall(120) })),
  over: 4720,
}
