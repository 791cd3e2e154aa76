import { expect, it } from 'vitest'
import { decodeEntry, decodeValue } from '../../src/registry/entry.ts'

it('an entry is named by its key: whoever may write one cannot take the place of another', () => {
  const value = JSON.stringify({ id: 'victim', url: 'http://127.0.0.1:1' })
  expect(decodeEntry(decodeValue, '/services/svc/mine', value, 'mine')).toEqual({
    id: 'mine',
    url: 'http://127.0.0.1:1',
  })
})

it('a function of the user’s names entries as it likes', () => {
  const decode = (): { id: string; url: string } => ({ id: 'own', url: 'http://127.0.0.1:1' })
  expect(decodeEntry(decode, '/services/svc/mine', '', 'mine')?.id).toBe('own')
})
