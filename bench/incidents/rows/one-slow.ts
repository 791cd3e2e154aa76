import type { Incident } from '../incident.ts'

export const incident: Incident = {
  id: 'one-slow',
  title: 'One of three is slow',
  what: 'From 2 to 6 s, one of three instances takes 3 s for a response. The caller waits for 1 s and passes no signal to the client.',
  servers: 3,
  duration: 8000,
  rate: 60,
  patience: 1000,
  steps: [
    { at: 2000, run: ({ servers }) => servers[2]!.set({ delay: 3000 }) },
    { at: 6000, run: ({ servers }) => servers[2]!.set({ delay: 10 }) },
  ],
  over: 6000,
}
