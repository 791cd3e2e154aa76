import { describe, expect, it } from 'vitest'
import { sameInstance, toInstance } from '../../src/registry/instance.ts'
import { SnapshotReader, validateSnapshot } from '../../src/registry/snapshot.ts'

describe('toInstance', () => {
  it.each([
    ['http://10.0.0.7:8080', 'http://10.0.0.7:8080', '10.0.0.7:8080'],
    ['http://10.0.0.7:8080/', 'http://10.0.0.7:8080', '10.0.0.7:8080'],
    ['HTTP://Example.COM:80', 'http://example.com', 'example.com:80'],
    ['https://example.com', 'https://example.com', 'example.com:443'],
    ['http://[::1]:8080', 'http://[::1]:8080', '[::1]:8080'],
  ])('reads %s as an origin and derives the id', (url, origin, id) => {
    expect(toInstance({ url })).toEqual({ url: origin, id })
  })

  it('keeps known fields, drops unknown ones, and treats null as absent', () => {
    const full = { id: 'a', url: 'http://a:1', weight: 0, zone: 'z', priority: 2, draining: true }
    expect(toInstance({ ...full, metadata: { deep: [1, { x: null }] }, extra: 1 })).toEqual({
      ...full,
      metadata: { deep: [1, { x: null }] },
    })
    expect(toInstance({ id: null, url: 'http://a:1', weight: null, metadata: undefined })).toEqual({
      id: 'a:1',
      url: 'http://a:1',
    })
  })

  it('copies the data of the caller, and is frozen', () => {
    const metadata = { tags: ['x'] }
    const instance = toInstance({ url: 'http://a:1', metadata })
    metadata.tags.push('y')
    expect(instance.metadata).toEqual({ tags: ['x'] })
    const tags = instance.metadata?.['tags'] as string[]
    expect(() => tags.push('z')).toThrow(TypeError)
    expect(() => Object.assign(instance, { weight: 2 })).toThrow(TypeError)
  })

  it('returns an instance that it made unchanged', () => {
    const instance = toInstance({ url: 'http://a:1' })
    expect(toInstance(instance)).toBe(instance)
  })

  it.each([
    [undefined, /an object with a url, got undefined/],
    ['http://a:1', /an object with a url/],
    [{}, /url must be a string, got undefined/],
    [{ url: 'nonsense' }, /url must be an absolute http or https url, got 'nonsense'/],
    [{ url: 'http://a:99999' }, /absolute http or https url/],
    [{ url: 'ftp://a' }, /url must be http or https/],
    [{ url: 'unix:run/x.sock' }, /name a socket by its absolute path, got 'unix:run\/x.sock'/],
    [{ url: 'unix://run/x.sock' }, /absolute path/],
    [{ url: 'unix:' }, /absolute path/],
    [{ url: 'http://a:0' }, /must not have port 0/],
    [{ url: 'http://a/base' }, /an origin without path, query or fragment, got 'http:\/\/a\/base'/],
    [{ url: 'http://a?x=1' }, /without path, query/],
    [{ url: 'http://a:1', id: '' }, /id must be a string that is not empty, got ''/],
    [{ url: 'http://a:1', id: 7 }, /id must be a string/],
    [{ url: 'http://a:1', weight: -1 }, /weight must be a number >= 0/],
    [{ url: 'http://a:1', weight: NaN }, /weight .* got NaN/],
    [{ url: 'http://a:1', weight: Infinity }, /weight .* got Infinity/],
    [{ url: 'http://a:1', weight: '1' }, /weight must be a number, got '1'/],
    [{ url: 'http://a:1', zone: 1 }, /zone must be a string/],
    [{ url: 'http://a:1', priority: 1.5 }, /priority must be an integer/],
    [{ url: 'http://a:1', draining: 'yes' }, /draining must be true or false, got 'yes'/],
    [{ url: 'http://a:1', metadata: [] }, /metadata must be a plain object/],
    [{ url: 'http://a:1', metadata: { at: new Date(0) } }, /metadata\.at must be plain data/],
    [{ url: 'http://a:1', metadata: { f: () => 1 } }, /metadata\.f must be plain data/],
    [
      { url: 'http://a:1', metadata: { s: Symbol('x') } },
      /metadata\.s must be .* JSON can carry, got Symbol/,
    ],
    [{ url: 'http://a:1', metadata: { x: [NaN] } }, /metadata\.x\[0\] must be .* JSON can carry, got NaN/],
    [{ url: 'http://a:1', metadata: { x: { y: -Infinity } } }, /metadata\.x\.y must be .* got -Infinity/],
  ])('refuses %j', (init, message) => {
    expect(() => toInstance(init)).toThrow(message)
  })

  it('refuses a bigint in metadata, which would break every snapshot() of the client', () => {
    expect(() => toInstance({ url: 'http://a:1', metadata: { x: 10n } })).toThrow(
      'metadata.x must be plain data that JSON can carry, got 10n',
    )
  })

  it('keeps all data that JSON can represent', () => {
    const metadata = { a: null, b: true, c: '', d: [0, -1.5, { e: [] }], f: undefined }
    expect(toInstance({ url: 'http://a:1', metadata }).metadata).toEqual(metadata)
  })

  it('refuses metadata with a cycle', () => {
    const metadata: Record<string, unknown> = {}
    metadata['self'] = metadata
    expect(() => toInstance({ url: 'http://a:1', metadata })).toThrow(/nested deeper/)
  })

  it.each([
    'http://user:s3cret@a:1',
    'http://s3cret@a:1',
    'http://user:s3cret@a:1/path@x',
    'ftp://user:s3cret@a',
    'http://user:s3cret@a:99999',
    'http:user:s3cret@a/x?y#z',
    'http://a?token=s3cret',
    'http://a/#s3cret',
    'user:s3cret@a',
  ])('never quotes the credentials in %s', (url) => {
    const { rejected } = validateSnapshot([{ url }, url])
    expect(rejected).toHaveLength(2)
    expect(JSON.stringify(rejected)).not.toContain('s3cret')
  })

  it('keeps __proto__ as a normal key of metadata', () => {
    const { metadata } = toInstance(JSON.parse('{"url":"http://a:1","metadata":{"__proto__":{"x":1}}}'))
    expect(Object.keys(metadata ?? {})).toEqual(['__proto__'])
    expect(({} as Record<string, unknown>)['x']).toBeUndefined()
  })
})

describe('sameInstance', () => {
  const base = { id: 'a', url: 'http://a:1', metadata: { x: [1, { y: 2 }] } }

  it.each([
    [{ ...base, metadata: { x: [1, { y: 2 }] } }, true],
    [{ ...base, weight: 1 }, false],
    [{ ...base, url: 'http://a:2' }, false],
    [{ ...base, id: 'b' }, false],
    [{ ...base, metadata: { x: [1, { y: 3 }] } }, false],
    [{ ...base, metadata: { x: [1, { y: 2 }], z: undefined } }, false],
    [{ ...base, metadata: { x: { 0: 1, 1: { y: 2 } } } }, false],
    [{ id: 'a', url: 'http://a:1' }, false],
  ])('compares with %j', (other, same) => {
    expect(sameInstance(toInstance(base), toInstance(other))).toBe(same)
    expect(sameInstance(toInstance(other), toInstance(base))).toBe(same)
  })
})

describe('a snapshot', () => {
  it.each([undefined, null, 'x', {}, new Set()])('that is %s is refused', (value) => {
    expect(() => validateSnapshot(value)).toThrow(/a snapshot must be an array/)
  })

  it('loses only its invalid entries, each with a reason', () => {
    const hostile = {
      get url(): string {
        throw new Error('no')
      },
    }
    const { instances, rejected } = validateSnapshot([
      null,
      { url: 'http://a:1' },
      { url: 'http://b:0' },
      hostile,
      7,
      { url: 'http://c:1' },
    ])
    expect(instances.map(({ id }) => id)).toEqual(['a:1', 'c:1'])
    expect(rejected.map(({ reason }) => reason)).toEqual([
      expect.stringContaining('got null'),
      expect.stringContaining('port 0'),
      'no',
      expect.stringContaining('got 7'),
    ])
  })

  it('keeps the first of two entries with one id, also when the id is derived', () => {
    const { instances, rejected } = validateSnapshot([
      { id: 'x', url: 'http://a:1' },
      { id: 'x', url: 'http://b:1' },
      { url: 'http://c:1' },
      { url: 'http://c:1/' },
    ])
    expect(instances.map(({ url }) => url)).toEqual(['http://a:1', 'http://c:1'])
    expect(rejected.map(({ reason }) => reason)).toEqual([`duplicate id 'x'`, `duplicate id 'c:1'`])
  })

  it('accepts __proto__ and constructor as ids', () => {
    const ids = ['__proto__', 'constructor', 'toString']
    const { instances, rejected } = validateSnapshot(ids.map((id, n) => ({ id, url: `http://a:${n + 1}` })))
    expect(instances.map(({ id }) => id)).toEqual(ids)
    expect(rejected).toEqual([])
  })

  it('of 100,000 instances is read', () => {
    const entries = Array.from({ length: 100_000 }, (_, n) => ({
      id: `i${n}`,
      url: `http://10.0.${(n >> 8) & 255}.${n & 255}:${8000 + (n >> 16)}`,
    }))
    const { instances, rejected } = validateSnapshot(entries)
    expect([instances.length, rejected.length]).toEqual([100_000, 0])
  })
})

describe('SnapshotReader', () => {
  const entry = (n: number, more: object = {}): object => ({ id: `i${n}`, url: `http://a:${n}/`, ...more })

  it.each([
    ['the same data', [entry(1), entry(2)], false],
    ['another order', [entry(2), entry(1)], false],
    ['one added', [entry(1), entry(2), entry(3)], true],
    ['one removed', [entry(1)], true],
    ['one replaced', [entry(1), entry(3)], true],
    ['another weight', [entry(1), entry(2, { weight: 2 })], true],
    ['another url', [entry(1), { id: 'i2', url: 'http://b:1' }], true],
    ['none left', [], false],
  ])('compares with the last snapshot: %s', (_name, entries, changed) => {
    const reader = new SnapshotReader()
    expect(reader.read([entry(1), entry(2)]).changed).toBe(true)
    expect(reader.read(entries).changed).toBe(changed)
  })

  it('keeps the object of an instance that did not change', () => {
    const reader = new SnapshotReader()
    const [first] = reader.read([entry(1, { metadata: { v: 1 } }), entry(2)]).instances
    expect(reader.read([entry(1, { metadata: { v: 1 } }), entry(2)]).instances[0]).toBe(first)
    expect(reader.read([{ ...first }]).instances[0]).toBe(first)
    expect(reader.read([toInstance({ ...first })]).instances[0]).toBe(first)
    expect(reader.read([entry(1, { metadata: { v: 2 } })]).instances[0]).not.toBe(first)
  })

  it('detects an entry that was changed in place', () => {
    const reader = new SnapshotReader()
    const mutable = { id: 'a', url: 'http://a:1', weight: 1 }
    reader.read([mutable])
    mutable.weight = 2
    expect(reader.read([mutable])).toMatchObject({ changed: true, instances: [{ weight: 2 }] })
  })

  it('keeps its state after an empty snapshot', () => {
    const reader = new SnapshotReader()
    const [first] = reader.read([entry(1)]).instances
    reader.read([])
    const again = reader.read([entry(1)])
    expect(again.instances[0]).toBe(first)
    expect(again.changed).toBe(false)
  })

  it('treats an instance that was removed and comes back as new', () => {
    const reader = new SnapshotReader()
    reader.read([entry(1), entry(2)])
    reader.read([entry(1)])
    expect(reader.read([entry(1), entry(2)]).changed).toBe(true)
  })
})
