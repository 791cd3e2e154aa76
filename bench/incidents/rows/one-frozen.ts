import type { Incident } from '../incident.ts'

export const incident: Incident = {
  id: 'one-frozen',
  title: 'One of three freezes',
  what: 'One of three processes is stopped (SIGSTOP) from 2 to 5 s. Its kernel still accepts connections. The caller waits for 1 s and passes no signal to the client.',
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
