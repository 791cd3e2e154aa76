import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { dns, type DnsOptions } from '../../src/registry/dns.ts'
import type { Instance } from '../../src/registry/source.ts'
import { sourceSuite } from '../../src/testing/source-suite.ts'
import { record, type Recording } from '../registry/combine-support.ts'
import { runTool, startBind, type BindServer } from '../support/servers/index.ts'

// A case of the suite waits up to 10 s for a change, several times.
vi.setConfig({ testTimeout: 60_000 })

let server: BindServer

beforeAll(async () => {
  server = await startBind({
    zone: 'test',
    records: [
      '_off._tcp 1 SRV 0 0 0 .',
      '_mixed._tcp 1 SRV 1 0 8080 one',
      '_mixed._tcp 1 SRV 1 9 8080 two',
      '_mixed._tcp 1 SRV 0 0 8080 three',
      '_dangling._tcp 1 SRV 0 0 8080 nowhere',
      'one 1 A 10.1.0.1',
      'two 1 A 10.1.0.2',
      'two 1 A 10.1.0.3',
      'two 1 AAAA fd00::2',
      'three 1 A 10.1.0.4',
      'text 1 TXT "neither A nor AAAA"',
    ],
  })
})
afterAll(() => server.close())

const quick = (): { servers: string[]; minTtl: number; timeout: number } => ({
  servers: [server.address],
  minTtl: 50,
  timeout: 500,
})

function start(options: DnsOptions): Recording {
  const recording = record(dns({ ...quick(), ...options }))
  onTestFinished(() => recording.abort())
  return recording
}

const address = ({ url }: Instance): string => new URL(url).hostname
const targetOf = (instance: Instance): string => `n${address(instance).replaceAll('.', '-')}.test.`

const controls = {
  kill: () => server.kill(),
  restart: ({ data }: { data: boolean }) => server.restart({ keepData: data }),
  freeze: async () => server.freeze(),
  thaw: async () => server.thaw(),
}

describe('every source, by SRV', () => {
  sourceSuite(it, {
    source: () => dns({ srv: (service) => `_http._tcp.${service}.test`, ...quick() }),
    fields: ['weight', 'priority'],
    // BIND takes no more records of one type.
    many: 100,
    server: controls,
    set: async (service, instances) => {
      const name = `_http._tcp.${service}.test.`
      const targets = instances.flatMap((instance) => [
        `update delete ${targetOf(instance)} A`,
        `update add ${targetOf(instance)} 1 A ${address(instance)}`,
      ])
      const records = instances.map((instance) => {
        const { priority = 0, weight = 1 } = instance
        return `update add ${name} 1 SRV ${priority} ${weight} 8080 ${targetOf(instance)}`
      })
      await server.update([...targets, `update delete ${name} SRV`, ...records])
    },
  })
})

describe('every source, by A', () => {
  sourceSuite(it, {
    source: () => dns({ host: (service) => `${service}.test`, port: 8080, ...quick() }),
    fields: [],
    many: 100,
    server: controls,
    set: (service, instances) =>
      server.update([
        `update delete ${service}.test. A`,
        ...instances.map((instance) => `update add ${service}.test. 1 A ${address(instance)}`),
      ]),
  })
})

describe('answers of a real server', () => {
  it('priority and weight of SRV, every address of every target, nothing that Node adds', async () => {
    const recording = start({ srv: '_mixed._tcp.test' })
    await expect.poll(() => recording.values[0]).toBeDefined()
    const entry = (host: string, weight: number, priority: number, target: string): object => ({
      id: `${host}:8080`,
      url: `http://${host}:8080`,
      weight,
      priority,
      metadata: { target },
    })
    expect(recording.values[0]).toEqual([
      entry('10.1.0.1', 0.09, 1, 'one.test'),
      entry('10.1.0.2', 3, 1, 'two.test'),
      entry('10.1.0.3', 3, 1, 'two.test'),
      entry('10.1.0.4', 1, 0, 'three.test'),
      entry('[fd00::2]', 3, 1, 'two.test'),
    ])
  })

  it('both families of a host, in one order however the server rotates them', async () => {
    const recording = start({ host: 'two.test', port: 80 })
    await expect.poll(() => recording.ids.length, { timeout: 5_000 }).toBeGreaterThan(3)
    for (const snapshot of recording.values) {
      expect((snapshot as Instance[]).map(({ id }) => id)).toEqual([
        '10.1.0.2:80',
        '10.1.0.3:80',
        '[fd00::2]:80',
      ])
    }
  })

  it.each([
    ['a target of "." (RFC 2782)', { srv: '_off._tcp.test' }],
    ['a target without an address', { srv: '_dangling._tcp.test' }],
    ['NXDOMAIN for SRV', { srv: '_none._tcp.test' }],
    ['NXDOMAIN for a host', { host: 'none.test', port: 80 }],
    ['NODATA for a host', { host: 'text.test', port: 80 }],
  ])('nobody: %s', async (_what, options) => {
    const recording = start(options)
    await expect.poll(() => recording.ids[0]).toEqual([])
  })

  it.each([
    ['a server that refuses', 'other.example', undefined, 'EREFUSED'],
    ['a server that is not there', 'two.test', ['127.0.0.1:1'], 'ECONNREFUSED'],
  ])('no answer: %s', async (_what, host, servers, code) => {
    const recording = start({ host, port: 80, ...(servers && { servers }) })
    await recording.ended
    expect(recording).toMatchObject({ values: [], error: { code } })
  })

  it('asks the second server when the first is not there', async () => {
    const recording = start({ host: 'one.test', port: 80, servers: ['127.0.0.1:1', server.address] })
    await expect.poll(() => recording.ids[0]).toEqual(['10.1.0.1:80'])
  })

  it('gives as many as dig does, also when they do not fit into a datagram', async () => {
    const hundred = Array.from({ length: 100 }, (_, n) => `update add big.test. 1 A 10.2.0.${n}`)
    await server.update(hundred)
    const recording = start({ host: 'big.test', port: 80 })
    await expect.poll(() => recording.ids[0]).toHaveLength(100)
    const args = ['@127.0.0.1', '-p', String(server.port), '+short', 'big.test', 'A']
    const seen = (await runTool('dig', args)).trim().split('\n')
    expect(recording.ids[0]).toEqual(seen.map((host) => `${host}:80`).toSorted())
  })

  it('a watch keeps no process alive', async () => {
    const source = new URL('../../src/registry/dns.ts', import.meta.url).href
    const program = `
      import { dns } from ${JSON.stringify(source)}
      const source = dns({ host: 'one.test', port: 80, servers: [${JSON.stringify(server.address)}] })
      for await (const [{ id }] of source.watch('users', { signal: new AbortController().signal })) console.log(id)
    `
    const args = ['--no-warnings', '--input-type=module', '-e', program]
    const child = spawn(process.execPath, args, { stdio: 'pipe' })
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
    const [code] = (await once(child, 'exit')) as [number]
    expect(output.trim()).toBe('10.1.0.1:80')
    // 13: it ended in the middle of an await, because nothing held it.
    expect(code).toBe(13)
  })

  it('a change is seen within the TTL', async () => {
    await server.update(['update add live.test. 1 A 10.3.0.1'])
    const recording = start({ host: 'live.test', port: 80 })
    await expect.poll(() => recording.ids.at(-1)).toEqual(['10.3.0.1:80'])
    await server.update(['update delete live.test. A', 'update add live.test. 1 A 10.3.0.2'])
    await expect.poll(() => recording.ids.at(-1), { timeout: 5_000 }).toEqual(['10.3.0.2:80'])
  })
})
