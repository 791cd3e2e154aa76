import { assert, property, uint8Array } from 'fast-check'
import { expect, it } from 'vitest'
import { healthRequest, servingStatus } from '../../src/health/grpc-message.ts'

function framed(...message: number[]): Buffer {
  const prefix = Buffer.alloc(5)
  prefix.writeUInt32BE(message.length, 1)
  return Buffer.concat([prefix, Buffer.from(message)])
}

it.each([
  ['nothing: the default', [], 'UNKNOWN'],
  ['the status', [0x08, 1], 'SERVING'],
  ['the last of two', [0x08, 1, 0x08, 2], 'NOT_SERVING'],
  ['a varint that is not known before it', [0x10, 0x96, 0x01, 0x08, 1], 'SERVING'],
  ['eight bytes before it', [0x11, 1, 2, 3, 4, 5, 6, 7, 8, 0x08, 1], 'SERVING'],
  ['a text before it', [0x12, 3, 0x08, 2, 0x08, 0x08, 1], 'SERVING'],
  ['a text after it', [0x08, 1, 0x1a, 2, 0x08, 2], 'SERVING'],
  ['four bytes before it', [0x15, 1, 2, 3, 4, 0x08, 1], 'SERVING'],
  ['a status of later days', [0x08, 9], 'serving status 9'],
])('an answer with %s', (_what, message, status) => {
  expect(servingStatus(framed(...message))).toBe(status)
})

it.each([
  ['no message', Buffer.of(0, 0), 'has no message'],
  ['a compressed message', Buffer.of(1, 0, 0, 0, 0), 'is compressed'],
  ['a message that is cut off', framed(0x08, 1).subarray(0, 6), 'not one complete message'],
  ['two messages', Buffer.concat([framed(), framed()]), 'not one complete message'],
  ['half a varint', framed(0x08), 'not valid protobuf'],
  ['a varint without end', framed(0x08, ...Array.from({ length: 11 }, () => 0xff)), 'not valid protobuf'],
  ['a text longer than the message', framed(0x12, 200, 1), 'not valid protobuf'],
  ['a group, which protobuf 3 has not', framed(0x0b), 'not valid protobuf'],
])('an answer with %s is refused', (_what, body, message) => {
  expect(() => servingStatus(body)).toThrow(message)
})

it('any answer is either read or refused with a message', () => {
  assert(
    property(uint8Array({ maxLength: 40 }), (bytes) => {
      try {
        expect(servingStatus(framed(...bytes))).toMatch(/^[A-Z_]+$|^serving status \d+$/)
      } catch (error) {
        expect((error as Error).message).toContain('not valid protobuf')
      }
    }),
  )
})

it('a request contains the name of its service, with its length in bytes', () => {
  expect([...healthRequest('')]).toEqual([0, 0, 0, 0, 0])
  expect([...healthRequest('é')]).toEqual([0, 0, 0, 0, 4, 0x0a, 2, 0xc3, 0xa9])
  expect([...healthRequest('x'.repeat(200)).subarray(5, 8)]).toEqual([0x0a, 200, 1])
})
