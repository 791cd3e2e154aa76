import type { Incident } from '../incident.ts'

export const incident: Incident = {
  id: 'nat-get',
  title: 'A NAT forgot idle connections: GETs',
  what: 'Bursts of 40 GETs to one instance, 2 s apart. A NAT on the way forgets connections that were idle for 0.5 s and answers the next request on one with a reset. 20 calls/s follow each burst for the connections that it made.',
  servers: 1,
  behaviour: { forget: 500, delay: 20 },
  duration: 7000,
  rate: 20,
  bursts: [500, 2500, 4500].map((at) => ({ at, calls: 40 })),
  patience: 2000,
  steps: [],
  over: 4600,
}
