import type { Incident } from '../incident.ts'

export const incident: Incident = {
  id: 'h2-lost',
  title: 'HTTP/2: the connection breaks under load',
  what: 'Two instances respond in 60 ms. All streams to an instance are on one connection. At 2, 3 and 4 s the connections to one instance are reset.',
  servers: 2,
  behaviour: { delay: 60 },
  h2: true,
  connections: 1,
  duration: 6000,
  rate: 100,
  patience: 2000,
  steps: [2000, 3000, 4000].map((at) => ({ at, run: ({ servers }) => servers[0]!.order({ do: 'reset' }) })),
  over: 4000,
}
