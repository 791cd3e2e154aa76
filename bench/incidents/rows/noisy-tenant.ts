import type { Incident } from '../incident.ts'

export const incident: Incident = {
  id: 'noisy-tenant',
  title: 'One tenant is over its limit',
  what: 'Three healthy instances respond to one tenant, 10 % of the calls, with 503 and Retry-After: 30. Only lost calls of the other tenants count.',
  servers: 3,
  behaviour: { fail: 1, status: 503, retryAfter: 30, tenant: 'noisy' },
  duration: 7000,
  rate: 80,
  init: (n) => ({ headers: { 'x-tenant': n % 10 === 3 ? 'noisy' : 'quiet' } }),
  expected: (n) => n % 10 === 3,
  patience: 2000,
  steps: [],
  over: 0,
}
