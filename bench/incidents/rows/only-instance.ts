import type { Incident } from '../incident.ts'

export const incident: Incident = {
  id: 'only-instance',
  title: 'The only instance restarts',
  what: 'One instance is killed at 2 s and listens again at 4 s. No other can take its calls.',
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
    why: 'a service that is down is asked less, so its return is seen up to 1.5 s later',
  },
}
