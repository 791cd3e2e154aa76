import type { Incident } from '../incident.ts'

export const incident: Incident = {
  id: 'deploy-same-ids',
  title: 'A deploy that uses the ids again',
  what: 'Both instances are killed at 2 s and come back at 3 s under the same ids and addresses, as a new version.',
  servers: 2,
  duration: 7000,
  rate: 60,
  patience: 2000,
  steps: [
    { at: 2000, run: ({ servers }) => servers.forEach((server) => server.order({ do: 'die' })) },
    { at: 3000, run: ({ servers }) => servers.forEach((server) => server.order({ do: 'listen' })) },
    { at: 3100, run: (world) => world.list(world.servers, '2') },
  ],
  over: 3000,
  allowed: {
    factor: 1.1,
    why: 'a service that is down is asked less, so its return is seen up to 1 s later',
  },
}
