import type { Incident } from '../incident.ts'

export const incident: Incident = {
  id: 'own-queue',
  title: 'A burst waits in the client’s own pool',
  what: 'Each client has four connections to each of two instances. A response takes 200 ms. A burst of 260 calls takes 6.5 s.',
  servers: 2,
  behaviour: { delay: 200 },
  connections: 4,
  duration: 9000,
  rate: 4,
  bursts: [{ at: 500, calls: 260 }],
  patience: 20_000,
  steps: [],
  over: 500,
}
