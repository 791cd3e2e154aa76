import type { Incident } from '../incident.ts'

export const incident: Incident = {
  id: 'registry-down',
  title: 'The registry is down while an instance dies',
  what: 'From 1 to 6 s the registry fails. At 3 s one of three instances is killed, and the clients do not learn of it.',
  servers: 3,
  duration: 7000,
  rate: 60,
  init: (n) => (n % 4 === 0 ? { method: 'POST', body: 'x' } : {}),
  patience: 2000,
  steps: [
    { at: 1000, run: (world) => world.registry('down') },
    { at: 3000, run: ({ servers }) => servers[1]!.order({ do: 'die' }) },
    { at: 6000, run: (world) => world.registry('up') },
    { at: 6000, run: (world) => world.list([world.servers[0]!, world.servers[2]!]) },
  ],
  over: 6000,
}
