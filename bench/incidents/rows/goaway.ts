import type { Incident } from '../incident.ts'

export const incident: Incident = {
  id: 'goaway',
  title: 'HTTP/2: POSTs cross a graceful GOAWAY',
  what: 'One instance, one connection. Five times, 10 POSTs start at the moment when the server sends GOAWAY, as it does at a maximum connection age. The server always accepts new connections.',
  servers: 1,
  behaviour: { delay: 5 },
  h2: true,
  connections: 1,
  duration: 6000,
  rate: 20,
  bursts: [1000, 1800, 2600, 3400, 4200].map((at) => ({ at, calls: 10 })),
  init: () => ({ method: 'POST', body: 'x' }),
  patience: 2000,
  steps: [1000, 1800, 2600, 3400, 4200].map((at) => ({
    at,
    run: ({ servers }) => servers[0]!.order({ do: 'goaway' }),
  })),
  over: 4300,
}
