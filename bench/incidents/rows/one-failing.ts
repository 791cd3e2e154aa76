import type { Incident } from '../incident.ts'

export const incident: Incident = {
  id: 'one-failing',
  title: 'One of three fails fast',
  what: 'From 2 to 6 s, one of three instances responds to every request with 500 at once. All calls are POSTs.',
  servers: 3,
  behaviour: { delay: 30 },
  duration: 12_000,
  rate: 60,
  init: () => ({ method: 'POST', body: 'x' }),
  patience: 2000,
  steps: [
    { at: 2000, run: ({ servers }) => servers[2]!.set({ fail: 1, status: 500 }) },
    { at: 6000, run: ({ servers }) => servers[2]!.set({ fail: 0 }) },
  ],
  over: 6000,
}
