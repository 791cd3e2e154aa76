import { expect, it } from 'vitest'
import { decodeEntry, decodeValue } from '../../src/registry/entry.ts'
import { SnapshotReader } from '../../src/registry/snapshot.ts'
import { curator } from '../../src/registry/zookeeper/layout.ts'

const good = { id: 'a', url: 'http://127.0.0.1:1' }

const failing = (error: unknown) => (): never => {
  throw error
}

const unprintable = {
  toString: () => {
    throw new Error('hostile')
  },
}

it.each([
  ['{"url":', 'SyntaxError: it is not valid JSON'],
  ['{"url":"http://10.0.0.1:80"}}', 'SyntaxError: it is not valid JSON'],
])('the value %s is dropped with a reason, and the others are kept', (value, reason) => {
  const entry = decodeEntry(decodeValue, '/services/svc/b', value, 'b')
  expect(new SnapshotReader().read([good, entry])).toMatchObject({
    instances: [good],
    rejected: [
      {
        reason: `/services/svc/b cannot be decoded: ${reason}`,
        entry: { id: 'b', key: '/services/svc/b', value },
      },
    ],
  })
})

it.each([
  [new Error('no http://me:hunter2@10.0.0.1:80'), 'Error: no http://***@10.0.0.1:80'],
  ['a string', 'a string'],
  [undefined, 'undefined'],
  [unprintable, 'an error that cannot be shown'],
])('a decode function that throws: %#', (error, shown) => {
  const entry = decodeEntry(failing(error), 'k', 'v', 'b')
  const { rejected } = new SnapshotReader().read([entry])
  expect(rejected).toEqual([
    { reason: `k cannot be decoded: ${shown}`, entry: { id: 'b', key: 'k', value: 'v' } },
  ])
})

it('shows the beginning of a long value, without credentials', () => {
  const value = `{"url":"http://me:hunter2@10.0.0.1:80","x":"${'y'.repeat(1e6)}`
  const { rejected } = new SnapshotReader().read([decodeEntry(decodeValue, 'k', value, 'b')])
  const text = JSON.stringify(rejected)
  expect(text).not.toContain('hunter2')
  expect(text).toContain('http://***@10.0.0.1:80')
  expect(text.length).toBeLessThan(500)
})

it('an instance is dropped while its value is invalid, and used again afterwards', () => {
  const reader = new SnapshotReader()
  const read = (value: string) => reader.read([good, decodeEntry(decodeValue, 'k', value, 'b')])
  expect(read('10.0.0.2:80').instances).toHaveLength(2)
  expect(read('{').instances).toEqual([good])
  expect(read('10.0.0.2:80').instances).toHaveLength(2)
})

it('the error for a ZooKeeper node quotes none of its data', () => {
  expect(() => curator.read('b', '{"address":"me:hunter2')).toThrow(/^it is not valid JSON$/)
})
