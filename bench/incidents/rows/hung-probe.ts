import type { Incident } from '../incident.ts'

export const incident: Incident = {
  id: 'hung-probe',
  title: 'One of three fails, then hangs, then recovers',
  what: 'One of three instances responds with 500 from 1 s on. From 3 s on it does not respond, so probes hang. From 6 s on it works again.',
  servers: 3,
  duration: 12_000,
  rate: 50,
  limit: 400,
  patience: 2000,
  steps: [
    { at: 1000, run: ({ servers }) => servers[0]!.set({ fail: 1, status: 500 }) },
    { at: 3000, run: ({ servers }) => servers[0]!.set({ fail: 0, hang: true }) },
    { at: 6000, run: ({ servers }) => servers[0]!.set({ hang: false }) },
  ],
  over: 6000,
}
