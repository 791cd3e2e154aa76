import type { Incident } from '../incident.ts'

export const incident: Incident = {
  id: 'loop-stalls',
  title: 'The client’s event loop stalls',
  what: 'Three healthy instances respond in 30 ms. The process of the client is busy for 450 ms every 1.5 s. An attempt may take 350 ms.',
  servers: 3,
  behaviour: { delay: 30 },
  duration: 8000,
  rate: 80,
  options: { timeout: { attempt: 350 } },
  patience: 2000,
  steps: [1000, 2500, 4000, 5500].map((at) => ({ at, run: (world) => world.stall(450) })),
  over: 5950,
}
