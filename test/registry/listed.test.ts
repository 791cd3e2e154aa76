import { describe, expect, it } from 'vitest'
import { readContent } from '../../src/registry/file/content.ts'
import { readList } from '../../src/registry/listed.ts'
import { validateSnapshot } from '../../src/registry/snapshot.ts'

const urls = (list: unknown[]): string[] => validateSnapshot(readList(list)).instances.map(({ url }) => url)

describe('a list from outside', () => {
  it('may contain urls, host and port, and instances', () => {
    expect(
      urls(['http://a:1', 'b:2', '[::1]:3', { url: 'localhost:4' }, { url: 'unix:/run/a.sock' }]),
    ).toEqual(['http://a:1', 'http://b:2', 'http://[::1]:3', 'http://localhost:4', 'unix:/run/a.sock'])
  })

  it('may contain groups of targets, as in Prometheus', () => {
    const groups = [
      { targets: ['10.0.0.1:80', '10.0.0.2:80'], labels: { env: 'prod' } },
      { targets: ['10.0.0.3:443'], labels: { __scheme__: 'https' } },
      { targets: ['plain'] },
    ]
    expect(readList(groups)).toEqual([
      { url: 'http://10.0.0.1:80', metadata: { env: 'prod' } },
      { url: 'http://10.0.0.2:80', metadata: { env: 'prod' } },
      { url: 'https://10.0.0.3:443' },
      { url: 'http://plain' },
    ])
  })

  it.each([[null], [5], ['nonsense'], ['ftp://a:1'], [{}], [[]], [{ targets: [5] }], [{ targets: 'a:1' }]])(
    'loses its invalid entries and keeps the others: %j',
    (bad) => {
      const { instances, rejected } = validateSnapshot(readList([bad, 'a:1']))
      expect(instances.map(({ url }) => url)).toEqual(['http://a:1'])
      expect(rejected).toHaveLength(1)
    },
  )

  it('may start with a byte order mark', () => {
    expect(readContent('x.json', 's', JSON.parse, '\uFEFF["a:1"]')).toEqual([{ url: 'http://a:1' }])
  })
})
