import { roundRobin } from '../../../src/index.ts'
import type { Incident } from '../incident.ts'
import { incident as hang } from './hang-caller-limit.ts'

export const incident: Incident = {
  ...hang,
  id: 'hang-round-robin',
  title: 'One of three hangs, by round robin',
  what: 'The same, with the strategy that does not look at latency: only the breaker can see it.',
  options: { balance: roundRobin() },
}
