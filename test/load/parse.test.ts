import { describe, expect, it } from 'vitest'
import { parseLoad } from '../../src/load/parse.ts'
import { formatLoad, type LoadReport } from '../../src/load/report.ts'

const named = (entries: Record<string, number>): ReadonlyMap<string, number> =>
  new Map(Object.entries(entries))

describe('an endpoint-load-metrics header', () => {
  it.each<[string, unknown, LoadReport]>([
    [
      'in text form, as Envoy documents it',
      'TEXT cpu_utilization=0.3,mem_utilization=0.8,rps_fractional=10.0,eps=1,named_metrics.foo=0.4',
      { cpuUtilization: 0.3, memUtilization: 0.8, rps: 10, eps: 1, named: named({ foo: 0.4 }) },
    ],
    [
      'without its prefix, with blanks',
      'application_utilization=0.6, rps_fractional = 5.5',
      { applicationUtilization: 0.6, rps: 5.5 },
    ],
    [
      'with colons, as older Envoys have it',
      'application_utilization:4,named_metrics.queue_depth:4',
      { applicationUtilization: 4, named: named({ queue_depth: 4 }) },
    ],
    [
      'in JSON form, with names in camel case',
      'JSON {"cpuUtilization": 0.3, "memUtilization": 0.8, "rpsFractional": 10.0, "eps": 1, "namedMetrics": {"gpu": 0.85}}',
      { cpuUtilization: 0.3, memUtilization: 0.8, rps: 10, eps: 1, named: named({ gpu: 0.85 }) },
    ],
    [
      'in JSON form, with the names of the protobuf, and numbers in quotes',
      'JSON {"application_utilization": "0.25", "rps_fractional": 1e2, "named_metrics": {}}',
      { applicationUtilization: 0.25, rps: 100 },
    ],
    [
      'with what we do not know beside it',
      'TEXT utilization.total=0.5,rps_fractional=3,x=nonsense',
      { rps: 3 },
    ],
    ['sent twice', ['cpu_utilization=0.5', 'rps_fractional=2'], { cpuUtilization: 0.5, rps: 2 }],
    ['with a comma too many', 'eps=1,', { eps: 1 }],
    [
      'that names what every object has',
      'named_metrics.__proto__=1,named_metrics.constructor=2',
      {
        named: new Map([
          ['__proto__', 1],
          ['constructor', 2],
        ]),
      },
    ],
  ])('%s', (_name, header, report) => {
    expect(parseLoad(header)).toEqual(report)
  })

  it.each<[string, unknown]>([
    ['that is none', undefined],
    ['that is empty', ''],
    ['that is a prefix only', 'TEXT '],
    ['that is binary', 'BIN CZqZmZmZmbk/MQAAAAAAAABA'],
    ['that has no metric we know', 'TEXT load=0.5'],
    ['that is no list', 'TEXT cpu_utilization'],
    ['without a name', 'TEXT =0.5'],
    ['without a value', 'TEXT cpu_utilization='],
    ['that says NaN', 'TEXT cpu_utilization=NaN,rps_fractional=10'],
    ['that says Infinity', 'TEXT cpu_utilization=0.1,rps_fractional=Infinity'],
    ['that says an infinite number in digits', 'TEXT rps_fractional=1e999'],
    ['that is negative', 'TEXT cpu_utilization=-0.1,rps_fractional=10'],
    ['in another notation', 'TEXT rps_fractional=0x10'],
    ['that says one thing twice', 'TEXT cpu_utilization=0.9,cpu_utilization=0.1'],
    ['that says one thing twice, in JSON', 'JSON {"cpu_utilization":0.9,"cpuUtilization":0.1}'],
    ['that says one thing of its own twice', 'named_metrics.a=1,named_metrics.a=2'],
    ['whose own metric has no name', 'named_metrics.=1'],
    ['sent twice, as JSON', ['JSON {"eps":1}', 'JSON {"eps":2}']],
    ['that is no JSON', 'JSON {"eps":1'],
    ['that is no object', 'JSON [1]'],
    ['that is null', 'JSON null'],
    ['whose number is an object', 'JSON {"eps":{"valueOf":1}}'],
    ['whose number is null', 'JSON {"eps":null}'],
    ['whose own metrics are a list', 'JSON {"namedMetrics":[1,2]}'],
    ['of a million characters', `TEXT cpu_utilization=0.1,named_metrics.${'a'.repeat(1_000_000)}=1`],
    ['of a million metrics', Array.from({ length: 1_000_000 }, () => 'a=1')],
    ['of a hundred thousand brackets', `JSON ${'['.repeat(100_000)}`],
    ['that is a number', 4],
    ['that is an object', { cpu_utilization: 1 }],
  ])('%s is ignored', (_name, header) => {
    expect(parseLoad(header)).toBeUndefined()
  })

  it('is parsed to the same report that was formatted', () => {
    const report = {
      cpuUtilization: 0.12345,
      memUtilization: 0,
      applicationUtilization: 1.5,
      rps: 1234.5,
      eps: 1e-7,
      named: named({ in_flight: 17, latency: 12.25 }),
    }
    expect(parseLoad(formatLoad(report))).toEqual(report)
    expect(formatLoad({ rps: 1 / 3 })).toBe('TEXT rps_fractional=0.33333')
  })
})
