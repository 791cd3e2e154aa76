import { setImmediate } from 'node:timers/promises'
import { AsyncLocalStorage } from 'node:async_hooks'
import { Console } from 'node:console'
import { Writable } from 'node:stream'
import pino from 'pino'
import { describe, expect, it, vi } from 'vitest'
import winston from 'winston'
import { createClient, logEvents, type Client, type LogEventsOptions, type Logger } from '../../src/index.ts'
import { ManualClock } from '../../src/testing/clock.ts'
import { inOrder } from '../support/balance.ts'
import { HandSource } from '../support/source.ts'
import { fixed } from '../../src/registry/fixed.ts'
import { waitFor } from '../support/wait-for.ts'

const a = { id: 'a', url: 'http://127.0.0.1:1001', metadata: { secret: 'metadata-secret' } }

type Line = Record<string, unknown>

function sink(): { stream: Writable; text: () => string; lines: () => Line[] } {
  let text = ''
  const stream = new Writable({
    write(chunk, _encoding, done) {
      text += String(chunk)
      done()
    },
  })
  const lines = (): Line[] =>
    text
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Line)
  return { stream, text: () => text, lines }
}

function clientOf(clock: ManualClock): Client {
  return createClient({
    service: 'user-service',
    source: fixed([a]),
    balance: inOrder,
    retry: false,
    breaker: { failureThreshold: 1, successThreshold: 1, openFor: 1000, rampFor: 0 },
    clock,
  })
}

const failure = Object.assign(
  new Error('no route to http://bob:s3cret@db/?token=abc', { cause: new Error('deep') }),
  {
    code: 'ECONNREFUSED',
  },
)

async function fail(client: Client): Promise<void> {
  await client
    .execute(() => {
      throw failure
    })
    .catch(() => {})
}

describe('logEvents', () => {
  it('writes one line per event to pino: level, fields, a text, and errors as data', async () => {
    const { stream, lines } = sink()
    const clock = new ManualClock()
    await using client = clientOf(clock)
    logEvents(client, pino({ level: 'trace' }, stream), { levels: { attempt: 'debug' } })
    await fail(client)
    await clock.advance(1000)
    await client.execute(() => 'ok')
    const events = lines().map(({ event, level, instance, url }) => ({ event, level, instance, url }))
    const about = { instance: 'a', url: 'http://127.0.0.1:1001' }
    expect(events).toEqual(
      expect.arrayContaining([
        { event: 'instance:added', level: 30, ...about },
        { event: 'breaker:open', level: 40, ...about },
        { event: 'attempt', level: 20, ...about },
        { event: 'breaker:half-open', level: 20, ...about },
        { event: 'breaker:close', level: 30, ...about },
      ]),
    )
    const [attempt] = lines().filter(({ event }) => event === 'attempt')
    expect(attempt?.['error']).toMatchObject({
      type: 'Error',
      code: 'ECONNREFUSED',
      cause: { message: 'deep' },
    })
    const [opened] = lines().filter(({ event }) => event === 'breaker:open')
    expect(opened?.['msg']).toContain('user-service breaker:open: instance a, consecutive-failures')
  })

  it('shows why a failed call was not retried', async () => {
    const { stream, lines } = sink()
    await using client = clientOf(new ManualClock())
    logEvents(client, pino({ level: 'trace' }, stream), { levels: { call: 'debug' } })
    await fail(client)
    const [call] = lines().filter(({ event }) => event === 'call')
    expect(call).toMatchObject({ outcome: 'failure', notRetried: 'off' })
    expect(call?.['msg']).toContain('user-service call: instance a, not retried: off')
  })

  it('shows no credentials of URLs, and no metadata of instances', async () => {
    const { stream, text } = sink()
    await using client = clientOf(new ManualClock())
    logEvents(client, pino({ level: 'trace' }, stream), { levels: { attempt: 'info', call: 'info' } })
    await fail(client)
    expect(text()).toContain('ECONNREFUSED')
    expect(text()).not.toMatch(/s3cret|token=abc|metadata-secret/)
  })

  it('passes the line first and then the fields to winston', async () => {
    const { stream, lines } = sink()
    await using client = clientOf(new ManualClock())
    const transports = [new winston.transports.Stream({ stream })]
    logEvents(client, winston.createLogger({ level: 'debug', transports, format: winston.format.json() }))
    await fail(client)
    expect(lines()).toContainEqual(
      expect.objectContaining({
        level: 'warn',
        event: 'breaker:open',
        message: expect.stringContaining('user-service breaker:open') as string,
      }),
    )
  })

  it('passes only the line to a console', async () => {
    const { stream, text } = sink()
    await using client = clientOf(new ManualClock())
    logEvents(client, new Console(stream, stream))
    await fail(client)
    expect(text()).toMatch(/^user-service breaker:open: instance a, consecutive-failures.*$/m)
  })

  it('counts repeated events, and writes their number', async () => {
    const { stream, lines } = sink()
    const clock = new ManualClock()
    await using client = clientOf(clock)
    logEvents(client, pino({ level: 'trace' }, stream), { thin: 500 })
    await fail(client)
    for (let call = 0; call < 100; call++) await fail(client)
    const rejected = (): Line[] => lines().filter(({ event }) => event === 'call:rejected')
    expect(rejected()).toHaveLength(1)
    await clock.advance(600)
    await fail(client)
    expect(rejected()).toHaveLength(3)
    expect(rejected()[1]).toMatchObject({ repeated: 99, msg: expect.stringContaining('(99 more)') as string })
  })

  it('writes the remaining counts when it is stopped, and nothing afterwards', async () => {
    const { stream, lines } = sink()
    await using client = clientOf(new ManualClock())
    const stop = logEvents(client, pino({ level: 'trace' }, stream))
    await fail(client)
    await fail(client)
    await fail(client)
    stop()
    expect(lines().filter(({ event }) => event === 'call:rejected')).toHaveLength(2)
    const before = lines().length
    await fail(client)
    expect(lines()).toHaveLength(before)
  })

  it('logs in the context of the call', async () => {
    const { stream, lines } = sink()
    const users = new AsyncLocalStorage<string>()
    await using client = clientOf(new ManualClock())
    const logger = pino({ level: 'trace', mixin: () => ({ user: users.getStore() }) }, stream)
    logEvents(client, logger, { levels: { attempt: 'info' }, thin: 0 })
    await users.run('alice', () => client.execute(() => 'ok'))
    await users.run('bob', () => fail(client))
    const attempts = lines().filter(({ event }) => event === 'attempt')
    expect(attempts.map(({ user, outcome }) => [user, outcome])).toEqual([
      ['alice', 'success'],
      ['bob', 'failure'],
    ])
  })

  it('logs an outage of the registry at the level error', async () => {
    const { stream, lines } = sink()
    const clock = new ManualClock()
    const source = new HandSource()
    await using client = createClient({ service: 'user-service', source, clock })
    logEvents(client, pino({ level: 'trace' }, stream))
    source.push(a)
    await client.ready()
    source.fail(new Error('registry gone'))
    await waitFor(() =>
      expect(lines()).toContainEqual(expect.objectContaining({ event: 'source:stale', level: 50 })),
    )
  })

  it('writes one line, whatever the names of instances and the errors contain', async () => {
    const { stream, text } = sink()
    await using client = createClient({
      service: 'user-service',
      source: fixed([{ ...a, id: 'a\nERROR user-service: forged' }]),
      retry: false,
      breaker: { failureThreshold: 1 },
      clock: new ManualClock(),
    })
    logEvents(client, new Console(stream), { levels: { attempt: false, call: false } })
    const forger = new Error('broken\r\nERROR user-service: forged')
    await client.execute(() => Promise.reject(forger)).catch(() => {})
    const lines = text().split('\n')
    expect(lines.filter((each) => each.startsWith('ERROR'))).toEqual([])
    expect(text()).toContain('breaker:open: instance a ERROR user-service: forged')
  })

  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('disk full')
      },
    ],
    ['rejects', () => Promise.reject(new Error('disk full'))],
  ])('continues when the logger %s', async (_what, broken) => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    await using client = clientOf(new ManualClock())
    const stop = logEvents(client, { debug: broken, info: broken, warn: broken, error: broken })
    await expect(client.execute(() => 'ok')).resolves.toBe('ok')
    await fail(client)
    await fail(client)
    stop()
    await setImmediate()
    expect(warn).toHaveBeenCalledWith('the logger of logEvents() threw; the line is lost', expect.anything())
    warn.mockRestore()
  })

  it.each([
    [{}, {}, /logger must have the methods debug, info, warn and error, got \{\}/],
    [null, {}, /logger must have the methods.*got null/],
    [console, { thin: -1 }, /logEvents\(\)\.thin must be .*got -1/],
    [console, { style: 'bunyan' }, /style must be 'pino', 'winston' or 'console', got 'bunyan'/],
    [console, { levels: { attempt: 'loud' } }, /levels\['attempt'\] must be .*got 'loud'/],
    [console, { levels: { 'breaker:opened': 'warn' } }, /breaker:opened/],
  ])('refuses %o with %o', async (logger, options, message) => {
    await using client = clientOf(new ManualClock())
    expect(() => logEvents(client, logger as Logger, options as LogEventsOptions)).toThrow(message)
  })
})

it('writes each manual action with its details, however many there are', async () => {
  await using client = createClient({
    service: 'svc',
    source: fixed(['a', 'b', 'c'].map((id, at) => ({ id, url: `http://127.0.0.1:${at + 1}` }))),
  })
  await client.ready()
  const lines: string[] = []
  const write = (_fields: object, line: string): void => void lines.push(line)
  logEvents(client, { debug: write, info: write, warn: write, error: write })
  client.isolate('a', { reason: 'drill' })
  client.drain('b')
  client.restore('a')
  client.isolate('a')
  client.weigh('c', 5)
  client.reset()
  client.update({ timeout: { total: 5 } }, { by: 'ops' })
  client.update({ timeout: { total: 6 } }, { by: 'ada' })
  expect(lines.filter((line) => /^svc (control|config)/.test(line))).toEqual([
    'svc control: isolate a, drill',
    'svc control: drain b',
    'svc control: restore a',
    'svc control: isolate a',
    'svc control: weigh c 5',
    'svc control: reset all',
    'svc config:changed: timeout, by ops',
    'svc config:changed: timeout, by ada',
  ])
})
