import type { Incident } from '../incident.ts'

export const incident: Incident = {
  id: 'dns-flip',
  title: 'The addresses change, a moment too late',
  what: 'The service moves from two instances to two others. The old ones die at 2 s. The registry lists the new ones at 2.5 s.',
  servers: 4,
  duration: 6000,
  rate: 60,
  init: (n) => (n % 4 === 0 ? { method: 'POST', body: 'x' } : {}),
  patience: 2000,
  steps: [
    { at: 0, run: (world) => world.list(world.servers.slice(0, 2)) },
    { at: 2000, run: ({ servers }) => servers.slice(0, 2).forEach((server) => server.order({ do: 'die' })) },
    { at: 2500, run: (world) => world.list(world.servers.slice(2)) },
  ],
  over: 2500,
}
