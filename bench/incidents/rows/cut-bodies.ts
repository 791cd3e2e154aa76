import type { Incident } from '../incident.ts'

export const incident: Incident = {
  id: 'cut-bodies',
  title: 'Responses break in the middle',
  what: 'From 2 to 5 s, one of three instances breaks half of its responses in the middle of the body.',
  servers: 3,
  duration: 8000,
  rate: 60,
  patience: 2000,
  steps: [
    { at: 2000, run: ({ servers }) => servers[1]!.set({ cut: 0.5 }) },
    { at: 5000, run: ({ servers }) => servers[1]!.set({ cut: 0 }) },
  ],
  over: 5000,
}
