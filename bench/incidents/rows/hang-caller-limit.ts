import type { Incident } from '../incident.ts'

export const incident: Incident = {
  id: 'hang-caller-limit',
  title: 'One of three hangs, and the caller sets a time limit',
  what: 'Every call has an AbortSignal.timeout of 250 ms from the caller. From 2 s on, one of three instances accepts requests and never responds.',
  servers: 3,
  duration: 8000,
  rate: 60,
  limit: 250,
  patience: 2000,
  steps: [{ at: 2000, run: ({ servers }) => servers[1]!.set({ hang: true }) }],
  over: 2000,
}
