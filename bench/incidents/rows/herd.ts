import type { Incident } from '../incident.ts'

export const incident: Incident = {
  id: 'herd',
  title: 'An outage, and little capacity after it',
  what: 'Both instances are killed at 2 s and come back at 4 s. Each serves 4 requests at a time, 40 ms each, so both together serve 200 requests/s. There are 120 calls/s. When the service is back, 100 more calls start at once.',
  servers: 2,
  behaviour: { delay: 40, slots: 4 },
  duration: 9000,
  rate: 120,
  bursts: [{ at: 4100, calls: 100 }],
  limit: 1500,
  patience: 2000,
  steps: [
    { at: 2000, run: ({ servers }) => servers.forEach((server) => server.order({ do: 'die' })) },
    { at: 4000, run: ({ servers }) => servers.forEach((server) => server.order({ do: 'listen' })) },
  ],
  over: 4000,
  allowed: {
    factor: 1.1,
    why: 'a service that is down gets fewer requests, so the client may notice its return 0.1 s later',
  },
}
