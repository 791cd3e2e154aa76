import { expect, it } from 'vitest'
import { decodeEntry, decodeValue } from '../../src/registry/entry.ts'

it('the id of an entry comes from its key, so that one key cannot replace the instance of another', () => {
  const value = JSON.stringify({ id: 'victim', url: 'http://127.0.0.1:1' })
  expect(decodeEntry(decodeValue, '/services/svc/mine', value, 'mine')).toEqual({
    id: 'mine',
    url: 'http://127.0.0.1:1',
  })
})

it('a decode function of the user’s may set any id', () => {
  const decode = (): { id: string; url: string } => ({ id: 'own', url: 'http://127.0.0.1:1' })
  expect(decodeEntry(decode, '/services/svc/mine', '', 'mine')?.id).toBe('own')
})
