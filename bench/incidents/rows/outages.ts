import type { Incident } from '../incident.ts'

export const incident: Incident = {
  id: 'outages',
  title: 'Every instance fails, again and again',
  what: 'All three instances respond to every request with 503, from 1 to 5 s and from 9 to 13 s.',
  servers: 3,
  duration: 16_000,
  rate: 60,
  patience: 2000,
  steps: [1000, 9000].flatMap((at) => [
    { at, run: ({ servers }) => servers.forEach((server) => server.set({ fail: 1 })) },
    { at: at + 4000, run: ({ servers }) => servers.forEach((server) => server.set({ fail: 0 })) },
  ]),
  over: 13_000,
  allowed: {
    factor: 1.1,
    why: 'a service that is down gets fewer requests, so the client notices its return up to 1.5 s later',
  },
}
