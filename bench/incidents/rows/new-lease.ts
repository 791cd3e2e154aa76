import type { Incident } from '../incident.ts'

export const incident: Incident = {
  id: 'new-lease',
  title: 'A killed instance registers again, with the same data',
  what: 'One of two instances is killed at 1 s and registers again at 4 s, with the same id and address. The other one dies at 4.5 s. A client that still avoids the first one then has no instance.',
  servers: 2,
  duration: 7000,
  rate: 60,
  patience: 2000,
  steps: [
    { at: 1000, run: ({ servers }) => servers[0]!.order({ do: 'die' }) },
    { at: 4000, run: ({ servers }) => servers[0]!.order({ do: 'listen' }) },
    { at: 4000, run: (world) => world.list(world.servers) },
    { at: 4500, run: ({ servers }) => servers[1]!.order({ do: 'die' }) },
  ],
  over: 4500,
}
