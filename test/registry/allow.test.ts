import { describe, expect, it } from 'vitest'
import { createClient, fixed, MemoryRegistry, type AllowOptions, type Source } from '../../src/index.ts'
import { allowPolicy } from '../../src/registry/allow.ts'
import { toOrigin } from '../../src/registry/origin.ts'
import { until } from '../support/until.ts'

const refuses = (url: string, options?: AllowOptions): string | undefined => {
  try {
    allowPolicy(options)(toOrigin(url))
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}

describe('without options', () => {
  it.each([
    'http://169.254.169.254',
    'http://169.254.0.1:8080',
    'http://0xa9fea9fe',
    'http://2852039166',
    'http://0251.0376.0251.0376',
    'http://[fe80::1]',
    'http://[::ffff:169.254.169.254]',
    'http://[64:ff9b::169.254.169.254]',
    'http://[fd00:ec2::254]',
    'http://100.100.100.200',
    'http://168.63.129.16',
    'http://metadata.google.internal',
    'http://METADATA.google.internal.',
    'unix:/var/run/docker.sock',
  ])('%s is refused', (url) => expect(refuses(url)).toMatch(/allow\.(metadata|schemes)/))

  it.each(['http://10.0.0.7:8080', 'https://[2001:db8::1]', 'http://127.0.0.1', 'http://api.internal'])(
    '%s is allowed',
    (url) => expect(refuses(url)).toBeUndefined(),
  )
})

describe('with options', () => {
  it.each<[string, AllowOptions, string | undefined]>([
    ['http://10.1.2.3', { addresses: ['10.0.0.0/8'] }, undefined],
    ['http://[::ffff:10.1.2.3]', { addresses: ['10.0.0.0/8'] }, undefined],
    ['http://11.1.2.3', { addresses: ['10.0.0.0/8'] }, '11.1.2.3 is not allowed (allow.addresses)'],
    ['http://[fd00::1]', { addresses: ['fd00::/8'] }, undefined],
    ['http://evil.example', { addresses: ['10.0.0.0/8'] }, 'evil.example is not allowed (allow.names)'],
    ['http://a.internal', { addresses: ['10.0.0.0/8'], names: ['.internal'] }, undefined],
    ['http://internal.evil', { names: ['.internal'] }, 'internal.evil is not allowed (allow.names)'],
    [
      'http://169.254.1.1',
      { addresses: ['169.254.0.0/16'] },
      '169.254.1.1 is a link-local or metadata address',
    ],
    ['http://169.254.1.1', { metadata: true }, undefined],
    ['http://10.0.0.1', { schemes: ['https'] }, 'http: is not allowed (allow.schemes)'],
    ['unix:/run/a.sock', { schemes: ['unix'] }, undefined],
  ])('%s under %j: %s', (url, options, message) => {
    const refused = refuses(url, options)
    if (message === undefined) expect(refused).toBeUndefined()
    else expect(refused).toContain(message)
  })

  it.each<[object, string]>([
    [
      { addresses: ['10.0.0.0/33'] },
      "allow.addresses must hold addresses and networks such as '10.0.0.0/8', got '10.0.0.0/33'",
    ],
    [{ addresses: ['10.0.0'] }, "got '10.0.0'"],
    [{ addresses: '10.0.0.0/8' }, "allow.addresses must be an array, got '10.0.0.0/8'"],
    [{ schemes: ['ftp'] }, "allow.schemes must contain only http, https and unix, got 'ftp'"],
    [{ adresses: [] }, 'did you mean addresses?'],
    [{ metadata: 1 }, 'allow.metadata must be true or false, got 1'],
  ])('%j is refused', (allow, message) => {
    expect(() => createClient({ service: 'svc', source: fixed([]), allow })).toThrow(message)
  })
})

describe('a client', () => {
  const registry: Source = {
    async *watch(_service, { signal }) {
      yield [
        { id: 'a', url: 'http://127.0.0.1:1' },
        { id: 'b', url: 'http://169.254.169.254' },
      ]
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
    },
  }

  it('drops instances that allow refuses, and reports them', async () => {
    await using client = createClient({ service: 'svc', source: registry })
    const rejected: string[] = []
    client.on('source:invalid', (event) => rejected.push(...event.rejected.map(({ reason }) => reason)))
    await client.ready()
    await until(() => rejected.length > 0)
    expect(rejected).toEqual(['169.254.169.254 is a link-local or metadata address (allow.metadata)'])
    expect(client.snapshot().instances.map(({ instance }) => instance.id)).toEqual(['a'])
  })

  it('accepts every instance of fixed() and MemoryRegistry, unless allow is set', async () => {
    const own = fixed(['unix:/run/a.sock', 'http://127.0.0.1:1'])
    await using all = createClient({ service: 'svc', source: own })
    await all.ready()
    expect(all.snapshot().instances).toHaveLength(2)
    await using some = createClient({ service: 'svc', source: own, allow: {} })
    await some.ready()
    expect(some.snapshot().instances).toHaveLength(1)
    expect(new MemoryRegistry().isOwn).toBe(true)
  })
})
