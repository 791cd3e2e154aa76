import { describe, expect, it } from 'vitest'
import { undiciLimits } from '../../src/attempt/make-pool.ts'
import { createClient, createFetch, fixed, outrigger, type FetchOptions } from '../../src/index.ts'

const users = createClient({ service: 'users', source: fixed([]) })

describe('createFetch', () => {
  it.each<[string, unknown, string]>([
    [
      'services in a Map',
      { services: new Map([['users', users]]) },
      'services must be an object, got Map(1)',
    ],
    ['a list of services', { services: [] }, 'services must be an object, got []'],
    ['one host twice', { services: { users, USERS: users } }, "services names 'users' twice"],
    [
      'a number for otherwise',
      { services: {}, otherwise: 10n },
      "otherwise must be 'pass' or 'deny', got 10n",
    ],
  ])('throws for %s', (_name, options, message) => {
    expect(() => createFetch(options as FetchOptions)).toThrow(message)
  })
})

it('outrigger() throws for services in a Map', () => {
  expect(() => outrigger(new Map([['users', users]]) as never)).toThrow(/must be an object, got Map\(1\)/)
})

it('on() throws for an array of names, and quotes a value that is not a listener', () => {
  expect(() => users.on(['attempt'] as never, () => {})).toThrow(
    /the event must be one of .* got \[ 'attempt' \]/,
  )
  expect(() => users.on('attempt', null as never)).toThrow(
    "the listener for 'attempt' must be a function, got null",
  )
})

it.each([
  ['request()', (url: string) => users.request(url)],
  ['explain()', async (url: string) => users.explain(url)],
  ['explain() with a URL', async (url: string) => users.explain(new URL(url))],
])('%s shows neither credentials nor the query of a URL that is for another host', async (_, call) => {
  await expect(call('http://ann:secret@other/a?token=secret')).rejects.toThrow(
    /\(\) is for http:\/\/users, got 'http:\/\/\*\*\*@other\/a'$/,
  )
})

describe('undici’s timeouts are not shorter than the client’s:', () => {
  it.each([
    ['by default', { connect: 5_000, total: 30_000 }, {}],
    ['with longer ones', { connect: 20_000, total: 600_000 }, { connectTimeout: 20_000, headersTimeout: 0 }],
    ['with none', { connect: Infinity, total: Infinity }, { connectTimeout: 0, headersTimeout: 0 }],
  ])('%s', (_name, patience, limits) => {
    expect(undiciLimits(patience)).toEqual(limits)
  })
})
