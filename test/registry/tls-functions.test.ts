import { expect, test } from 'vitest'
import { RegistryHttp } from '../../src/registry/http/http.ts'
import { systemClock } from '../../src/clock.ts'
import type { TlsSource } from '../../src/registry/http/connector.ts'

const throwing = (error: unknown) => (): never => {
  throw error
}
// oxlint-disable-next-line unicorn/no-thenable -- it is what is tried
const thenable = { then: throwing(new Error('then')) }
const getter = {
  get ca(): string {
    throw new Error('getter')
  },
}
const trap = new Proxy({}, { get: throwing(new Error('trap')), ownKeys: throwing(new Error('trap')) })

test.each<[string, () => unknown, RegExp]>([
  ['throws', throwing(new Error('boom')), /boom/],
  ['throws what is no error', throwing('boom'), /boom/],
  ['rejects', async () => throwing(new Error('no'))(), /no/],
  ['returns a thenable that throws', () => thenable, /then/],
  ['returns a number', () => 5, /tls must be an object, got 5/],
  ['returns null', () => null, /tls must be an object, got null/],
  ['returns a Proxy', () => trap, /trap/],
  ['returns an object whose getter throws', () => getter, /getter/],
  ['returns a ca that is none', () => ({ ca: 5 }), /options\.ca/],
  // For example a certificate that is read while it is being written.
  [
    'returns half a certificate',
    () => ({ cert: '-----BEGIN CERTIFICATE-----\nMII', key: 'x' }),
    /PEM|DECODER/,
  ],
  ['never answers', () => new Promise(() => {}), /no answer within 50 ms/],
])('a tls function that %s only fails the request', async (name, tls, message) => {
  const timeout = name === 'never answers' ? 50 : 5_000
  const http = new RegistryHttp({ name: 'x', clock: systemClock, timeout, tls: tls as TlsSource })
  const { signal } = new AbortController()
  await expect(http.send('https://127.0.0.1:9/', { signal })).rejects.toThrow(message)
  await http.close()
})

test('invalid tls options also fail only the request', async () => {
  const tls = { cert: '-----BEGIN CERTIFICATE-----\nMII', key: 'x' }
  const http = new RegistryHttp({ name: 'x', clock: systemClock, timeout: 5_000, tls })
  const { signal } = new AbortController()
  await expect(http.send('https://127.0.0.1:9/', { signal })).rejects.toThrow(/PEM|DECODER/)
  await http.close()
})
