import type { Incident } from '../incident.ts'

export const incident: Incident = {
  id: 'deploy-same-ids',
  title: 'A deploy that reuses the ids',
  what: 'Both instances are killed at 2 s. A new version starts at 3 s with the same ids and addresses.',
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
    why: 'a service that is down gets fewer requests, so the client notices its return up to 1 s later',
  },
}
