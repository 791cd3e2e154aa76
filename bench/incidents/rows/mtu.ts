import type { Incident } from '../incident.ts'

export const incident: Incident = {
  id: 'mtu',
  title: 'A path that drops large bodies',
  what: 'From 1 s on, a device in front of one of three instances drops every request with a body of more than 1400 bytes, as a path with a wrong MTU does. Every fourth call is such a POST. All calls have a limit of 400 ms from the caller.',
  servers: 3,
  duration: 8000,
  rate: 60,
  init: (n) => (n % 4 === 0 ? { method: 'POST', body: 'x'.repeat(4000) } : {}),
  limit: 400,
  patience: 2000,
  steps: [{ at: 1000, run: ({ servers }) => servers[0]!.set({ swallow: 1400 }) }],
  over: 1000,
}
