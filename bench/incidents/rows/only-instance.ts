import type { Incident } from '../incident.ts'

export const incident: Incident = {
  id: 'only-instance',
  title: 'The only instance restarts',
  what: 'The only instance is killed at 2 s and listens again at 4 s.',
  servers: 1,
  behaviour: { delay: 30 },
  duration: 9000,
  rate: 60,
  patience: 2000,
  steps: [
    { at: 2000, run: ({ servers }) => servers[0]!.order({ do: 'die' }) },
    { at: 4000, run: ({ servers }) => servers[0]!.order({ do: 'listen' }) },
  ],
  over: 4000,
  allowed: {
    factor: 1.1,
    why: 'a service that is down gets fewer requests, so the client notices its return up to 1.5 s later',
  },
}
