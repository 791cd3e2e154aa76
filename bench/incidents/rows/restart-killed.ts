import type { Incident } from '../incident.ts'

export const incident: Incident = {
  id: 'restart-killed',
  title: 'A rolling restart that kills',
  what: 'One after the other, three instances are killed while they have requests, also POSTs. They listen again after 0.7 s.',
  servers: 3,
  behaviour: { delay: 60 },
  duration: 7000,
  rate: 100,
  init: (n) => (n % 4 === 0 ? { method: 'POST', body: 'x' } : {}),
  patience: 2000,
  steps: [0, 1, 2].flatMap((index) => [
    { at: 1000 + 1500 * index, run: ({ servers }) => servers[index]!.order({ do: 'die' }) },
    { at: 1700 + 1500 * index, run: ({ servers }) => servers[index]!.order({ do: 'listen' }) },
  ]),
  over: 4700,
}
