import { expect, test } from 'vitest'
import { outlierPolicy, type OutlierOptions } from '../../src/fleet/outlier-policy.ts'

test('the defaults are those of docs/breaker.md', () => {
  expect(outlierPolicy({})).toEqual({
    interval: 10_000,
    deviations: 1.9,
    rateMargin: 0.05,
    minimumFailures: 5,
    failureShare: Infinity,
    latencyFactor: Infinity,
    latencyMargin: 10,
    minimumHosts: 5,
    minimumCalls: 20,
    ejectFor: 30_000,
    maxEjectFor: 300_000,
    maxEjected: 0.1,
  })
})

test.each<[OutlierOptions, object]>([
  [{ successRate: false }, { deviations: Infinity }],
  [{ successRate: {} }, { deviations: 1.9 }],
  [{ latency: false }, { latencyFactor: Infinity }],
  [{ latency: {} }, { latencyFactor: 3, latencyMargin: 10 }],
  [{ latency: { factor: 2 } }, { latencyFactor: 2, latencyMargin: 10 }],
  [{ ejectFor: 600_000 }, { maxEjectFor: 600_000 }],
])('%o gives %o', (options, expected) => {
  expect(outlierPolicy(options)).toMatchObject(expected)
})

test.each(['successRate', 'latency'])('only false turns %s off', (name) => {
  for (const value of [0, '', null, Number.NaN, true]) {
    expect(() => outlierPolicy({ [name]: value })).toThrow(`outliers.${name} must be an object, got `)
  }
})

test.each([
  'interval',
  'failureShare',
  'minimumHosts',
  'minimumCalls',
  'ejectFor',
  'maxEjectFor',
  'maxEjected',
])('null is refused as %s', (name) => {
  expect(() => outlierPolicy({ [name]: null })).toThrow(`outliers.${name} must be a number, got null`)
})

test.each([
  ['successRate', 'deviations'],
  ['latency', 'factor'],
  ['latency', 'margin'],
])('null is refused as %s.%s', (name, inner) => {
  expect(() => outlierPolicy({ [name]: { [inner]: null } })).toThrow(
    `outliers.${name}.${inner} must be a number, got null`,
  )
})
