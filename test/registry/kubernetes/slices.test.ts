import { describe, expect, it } from 'vitest'
import { joinSlices, type Endpoints, type EndpointSlice } from '../../../src/registry/kubernetes/slices.ts'
import type { Instance } from '../../../src/registry/source.ts'
import { at, http, slice, urls, type SliceEndpoint } from './support.ts'

const usable = (endpoints: Endpoints): Instance[] =>
  [...endpoints.values()].filter((instance) => instance !== undefined)
const join = (slices: EndpointSlice[], options: Partial<Parameters<typeof joinSlices>[1]> = {}): Instance[] =>
  usable(joinSlices(slices, { publishNotReady: false, ...options }))

describe('conditions', () => {
  const none = undefined
  it.each([
    { conditions: none, is: 'ready' },
    { conditions: {}, is: 'ready' },
    { conditions: { ready: null, serving: null, terminating: null }, is: 'ready' },
    { conditions: { ready: true, serving: true, terminating: false }, is: 'ready' },
    { conditions: { ready: true, terminating: true }, is: 'ready' }, // publishNotReadyAddresses
    { conditions: { ready: false }, is: none, published: 'ready' },
    { conditions: { ready: false, serving: true, terminating: false }, is: none, published: 'ready' },
    { conditions: { ready: false, serving: true, terminating: true }, is: 'draining', published: 'draining' },
    { conditions: { ready: false, serving: false, terminating: true }, is: none, published: 'draining' },
    { conditions: { ready: false, terminating: true }, is: none, published: 'draining' },
  ])('$conditions is $is, and with publishNotReady $published', ({ conditions, is, published = is }) => {
    const slices = [slice([at('10.0.0.1', { ...(conditions && { conditions }) })])]
    const state = ([instance]: Instance[]): unknown => instance && (instance.draining ? 'draining' : 'ready')
    expect(state(join(slices))).toBe(is)
    expect(state(join(slices, { publishNotReady: true }))).toBe(published)
  })
})

describe('joining slices', () => {
  it('sets zone, pod and node', () => {
    const endpoint = at('10.0.0.1', {
      zone: 'a',
      nodeName: 'n1',
      targetRef: { kind: 'Pod', name: 'orders-1', uid: 'u1' },
    })
    expect(join([slice([endpoint])])).toEqual([
      {
        id: '10.0.0.1:8080',
        url: 'http://10.0.0.1:8080',
        zone: 'a',
        metadata: { pod: 'orders-1', node: 'n1' },
      },
    ])
  })

  it('counts an endpoint in two slices once, with the better of its two states', () => {
    const ready = at('10.0.0.1')
    const draining = at('10.0.0.1', { conditions: { ready: false, serving: true, terminating: true } })
    const down = at('10.0.0.1', { conditions: { ready: false } })
    for (const slices of [
      [slice([down]), slice([draining]), slice([ready])],
      [slice([ready]), slice([draining]), slice([down])],
    ]) {
      expect(join(slices)).toEqual([{ id: '10.0.0.1:8080', url: 'http://10.0.0.1:8080' }])
    }
  })

  it('keeps two ports of one address as two instances', () => {
    const other = { ports: [{ ...http, port: 9090 }] }
    expect(urls(join([slice([at('10.0.0.1')]), slice([at('10.0.0.1')], other)]))).toEqual([
      'http://10.0.0.1:8080',
      'http://10.0.0.1:9090',
    ])
  })

  it('uses both address families, and for a pod with both IPv4, or the family that is ready', () => {
    const pod = (uid: string): Partial<SliceEndpoint> => ({ targetRef: { kind: 'Pod', name: uid, uid } })
    const v6 = slice([at('fd00::1', pod('both')), at('fd00::2', pod('six')), at('fd00::3', pod('half'))], {
      addressType: 'IPv6',
    })
    const v4 = slice([
      at('10.0.0.1', pod('both')),
      at('10.0.0.3', { ...pod('half'), conditions: { ready: false } }),
    ])
    expect(urls(join([v6, v4])).toSorted()).toEqual([
      'http://10.0.0.1:8080',
      'http://[fd00::2]:8080',
      'http://[fd00::3]:8080',
    ])
  })

  it('ignores names instead of addresses, and empty slices', () => {
    const empty = { metadata: { name: 'b' }, addressType: 'IPv4', endpoints: null, ports: null }
    expect(join([slice([at('db.example')], { addressType: 'FQDN' }), empty])).toEqual([])
  })
})

describe('ports', () => {
  const two = [http, { name: 'metrics', port: 9100, protocol: 'TCP', appProtocol: 'https' }]
  const dns = { name: 'dns', port: 53, protocol: 'UDP' }
  it.each([
    { option: undefined, ports: [http], gives: 'http://10.0.0.1:8080' },
    { option: undefined, ports: [http, dns], gives: 'http://10.0.0.1:8080' },
    { option: undefined, ports: [{ name: '', port: 80 }], gives: 'http://10.0.0.1:80' },
    { option: 'http', ports: two, gives: 'http://10.0.0.1:8080' },
    { option: 'metrics', ports: two, gives: 'https://10.0.0.1:9100' },
    { option: 9100, ports: two, gives: 'https://10.0.0.1:9100' },
    { option: 7000, ports: two, gives: 'http://10.0.0.1:7000' },
    { option: 7000, ports: null, gives: 'http://10.0.0.1:7000' },
  ])('port $option of $ports is $gives', ({ option, ports, gives }) => {
    expect(urls(join([slice([at('10.0.0.1')], { ports })], { port: option }))).toEqual([gives])
  })

  it('prefers the scheme of the option', () => {
    expect(
      urls(join([slice([at('10.0.0.1')], { ports: two })], { port: 'metrics', scheme: 'http' })),
    ).toEqual(['http://10.0.0.1:9100'])
  })

  it('requires the option port when there are several ports', () => {
    const message = 'kubernetes: the option port must name a port of the service, which has: http, metrics'
    expect(() => join([slice([at('10.0.0.1')], { ports: two })])).toThrow(message)
    expect(() => join([slice([at('10.0.0.1')], { ports: null })])).toThrow('which has: none')
  })

  it('lists the ports when none has the wanted name', () => {
    expect(() => join([slice([at('10.0.0.1')])], { port: 'grpc' })).toThrow(
      'no port "grpc"; the service has: http',
    )
    expect(join([slice([], { ports: null })], { port: 'grpc' })).toEqual([])
  })

  it('drops pods that do not have the port', () => {
    const old = slice([at('10.0.0.1')], { ports: [{ ...http, name: 'web' }] })
    expect(urls(join([old, slice([at('10.0.0.2')])], { port: 'http' }))).toEqual(['http://10.0.0.2:8080'])
  })
})

describe('topology hints', () => {
  const hinted = (address: string, zone: string, rest: Partial<SliceEndpoint> = {}): SliceEndpoint =>
    at(address, { hints: { forZones: [{ name: zone }] }, ...rest })
  const down = { conditions: { ready: false } }
  it.each([
    {
      name: 'are followed',
      zone: 'a',
      endpoints: [hinted('1.1.1.1', 'a'), hinted('2.2.2.2', 'b')],
      gives: ['1.1.1.1'],
    },
    {
      name: 'are ignored without an own zone',
      zone: undefined,
      endpoints: [hinted('1.1.1.1', 'a'), hinted('2.2.2.2', 'b')],
      gives: ['1.1.1.1', '2.2.2.2'],
    },
    {
      name: 'are ignored when one ready endpoint has none',
      zone: 'a',
      endpoints: [hinted('1.1.1.1', 'a'), at('2.2.2.2')],
      gives: ['1.1.1.1', '2.2.2.2'],
    },
    {
      name: 'are ignored when none is for our zone',
      zone: 'c',
      endpoints: [hinted('1.1.1.1', 'a'), hinted('2.2.2.2', 'b')],
      gives: ['1.1.1.1', '2.2.2.2'],
    },
    {
      name: 'are ignored when those for our zone are not ready',
      zone: 'a',
      endpoints: [hinted('1.1.1.1', 'a', down), hinted('2.2.2.2', 'b')],
      gives: ['2.2.2.2'],
    },
    {
      name: 'are followed though an endpoint that is not ready has none',
      zone: 'a',
      endpoints: [hinted('1.1.1.1', 'a'), hinted('2.2.2.2', 'b'), at('3.3.3.3', down)],
      gives: ['1.1.1.1'],
    },
  ])('$name', ({ zone, endpoints, gives }) => {
    // The hints are in several slices: the rule is about the complete service.
    const slices = endpoints.map((endpoint) => slice([endpoint]))
    expect(urls(join(slices, { zone }))).toEqual(gives.map((address) => `http://${address}:8080`))
  })
})
