import type { Incident } from '../incident.ts'

export const incident: Incident = {
  id: 'nat-get',
  title: 'A NAT forgot idle connections: GETs',
  what: 'Bursts of 40 GETs to one instance, 2 s apart, and 20 calls/s in between on the connections of the burst. A NAT forgets a connection that was idle for 0.5 s. It responds to the next request on this connection with a reset.',
  servers: 1,
  behaviour: { forget: 500, delay: 20 },
  duration: 7000,
  rate: 20,
  bursts: [500, 2500, 4500].map((at) => ({ at, calls: 40 })),
  patience: 2000,
  steps: [],
  over: 4600,
}
