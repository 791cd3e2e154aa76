import type { Incident } from '../incident.ts'

export const incident: Incident = {
  id: 'rolling-restart',
  title: 'A rolling restart that drains',
  what: 'One after the other, four instances stop listening, finish their requests, and listen again after 0.7 s. The registry always lists all of them.',
  servers: 4,
  behaviour: { delay: 30 },
  duration: 7000,
  rate: 80,
  init: (n) => (n % 4 === 0 ? { method: 'POST', body: 'x' } : {}),
  patience: 2000,
  steps: [0, 1, 2, 3].flatMap((index) => [
    { at: 1000 + 1000 * index, run: ({ servers }) => servers[index]!.order({ do: 'drain' }) },
    { at: 1700 + 1000 * index, run: ({ servers }) => servers[index]!.order({ do: 'listen' }) },
  ]),
  over: 4700,
}
