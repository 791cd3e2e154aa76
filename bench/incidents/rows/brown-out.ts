import type { Incident } from '../incident.ts'

/** Returns a row in which a share of the requests fails on every server. */
export function brownOut(percent: number): Incident {
  const fail = percent / 100
  return {
    id: `brown-out-${percent}`,
    title: `Every instance fails ${percent} % of its requests`,
    what: `POSTs to three instances that share a database. From 1 to 9 s the database fails, and the instances respond to ${percent} % of the requests with 500.`,
    servers: 3,
    duration: 11_000,
    rate: 60,
    init: () => ({ method: 'POST', body: 'x' }),
    patience: 2000,
    steps: [
      { at: 1000, run: ({ servers }) => servers.forEach((server) => server.set({ fail, status: 500 })) },
      { at: 9000, run: ({ servers }) => servers.forEach((server) => server.set({ fail: 0 })) },
    ],
    over: 9000,
    allowed: { factor: 1.1, why: 'a breaker also reduces the load of a service that fails' },
  }
}
