import type { Incident } from '../incident.ts'

export const incident: Incident = {
  id: 'nat-post',
  title: 'A NAT forgot idle connections: POSTs',
  what: 'The same with POSTs. A client may not repeat a POST, so it may lose the requests on the forgotten connections of each burst.',
  servers: 1,
  behaviour: { forget: 500, delay: 20 },
  duration: 7000,
  rate: 20,
  bursts: [500, 2500, 4500].map((at) => ({ at, calls: 40 })),
  init: () => ({ method: 'POST', body: 'x' }),
  patience: 2000,
  steps: [],
  over: 4600,
}
