import type { Incident } from '../incident.ts'

export const incident: Incident = {
  id: 'one-dead',
  title: 'One of three is dead and still listed',
  what: 'One of three instances is killed at 2 s and refuses connections from then on. A quarter of the calls are POSTs.',
  servers: 3,
  duration: 7000,
  rate: 80,
  init: (n) => (n % 4 === 0 ? { method: 'POST', body: 'x' } : {}),
  patience: 2000,
  steps: [{ at: 2000, run: ({ servers }) => servers[2]!.order({ do: 'die' }) }],
  over: 2000,
}
