import type { Incident } from '../incident.ts'

export const incident: Incident = {
  id: 'hung-probe',
  title: 'It refuses, then hangs, then is well',
  what: 'One of three instances answers by 500 from 1 s, never answers from 3 s, so that what probes it hangs, and is well from 6 s.',
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
