import type { Incident } from '../incident.ts'

export const incident: Incident = {
  id: 'one-frozen',
  title: 'One of three freezes',
  what: 'One process stands still (SIGSTOP) from 2 to 5 s: its kernel still takes connections. The caller waits for 1 s and brings no limit.',
  servers: 3,
  duration: 7000,
  rate: 60,
  patience: 1000,
  steps: [
    { at: 2000, run: ({ servers }) => servers[0]!.freeze() },
    { at: 5000, run: ({ servers }) => servers[0]!.thaw() },
  ],
  over: 5000,
}
