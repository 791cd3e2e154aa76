import { roundRobin } from '../../../src/index.ts'
import type { Incident } from '../incident.ts'
import { incident as hang } from './hang-caller-limit.ts'

export const incident: Incident = {
  ...hang,
  id: 'hang-round-robin',
  title: 'One of three hangs, by round robin',
  what: 'The same, with a strategy that does not look at latency. Only the breaker can notice the instance.',
  options: { balance: roundRobin() },
}
