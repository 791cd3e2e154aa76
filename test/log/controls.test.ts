import { Console } from 'node:console'
import { Writable } from 'node:stream'
import { expect, it } from 'vitest'
import { createClient, fixed, logEvents, type Client } from '../../src/index.ts'
import { validateSnapshot } from '../../src/registry/snapshot.ts'
import { ManualClock } from '../../src/testing/clock.ts'
import { HandSource } from '../support/source.ts'
import { waitFor } from '../support/wait-for.ts'

/** A name that would clear the screen, ring the bell, fake a line of the log and change the text direction. */
const EVIL = 'a\u001b[2J\u0007\r\nERROR forged\u2028\u202e\u009b1mb\t'
const FORBIDDEN = /[^\n\x20-\x7e…]/
const SHOWN = String.raw`a\u001b[2J\u0007 ERROR forged \u202e\u009b1mb `
const url = 'http://127.0.0.1:9'

const evil = (clock = new ManualClock()): Client =>
  createClient({
    service: 'svc',
    source: fixed([{ id: EVIL, url }]),
    retry: false,
    breaker: { failureThreshold: 1 },
    timeout: { attempt: 100 },
    clock,
  })

function collected(): { logger: Console; text: () => string } {
  let text = ''
  const stream = new Writable({
    write(chunk, _encoding, done) {
      text += String(chunk)
      done()
    },
  })
  return { logger: new Console(stream), text: () => text }
}

it('a log line contains no control characters, whatever the name of an instance', async () => {
  await using client = evil()
  const { logger, text } = collected()
  logEvents(client, logger, { levels: { attempt: 'info' } })
  await client.execute(() => Promise.reject(new Error(EVIL))).catch(() => {})
  expect(text()).toContain(`breaker:open: instance ${SHOWN}`)
  expect(
    text()
      .split('\n')
      .filter((line) => line.startsWith('svc ') && FORBIDDEN.test(line)),
  ).toEqual([])
})

it('neither does an explanation, nor an error that names an instance', async () => {
  const clock = new ManualClock()
  await using client = evil(clock)
  await client.ready()
  expect(String(client.explain())).not.toMatch(FORBIDDEN)
  const hanging = client.execute(() => new Promise(() => {}))
  const failed = expect(hanging).rejects.toThrow(`${SHOWN} did not answer within 100 ms`)
  await clock.advance(100)
  await failed
  for (const act of [() => client.isolate('b'), () => client.isolate(EVIL)]) {
    let message = ''
    try {
      act()
    } catch (error) {
      message = (error as Error).message
    }
    expect(message).toMatch(/known: |would leave/)
    expect(message).not.toMatch(FORBIDDEN)
  }
})

it('an explanation stays narrow, even with a very long name', async () => {
  await using client = createClient({
    service: 'svc',
    source: fixed([
      { id: 'x'.repeat(100_000), url },
      { id: 'b', url: 'http://127.0.0.1:10' },
    ]),
  })
  await client.ready()
  expect(String(client.explain()).length).toBeLessThan(2_000)
})

it('a log line shows the first of 10,000 invalid entries, and their number', async () => {
  const source = new HandSource()
  await using client = createClient({ service: 'svc', source })
  const seen: Record<string, unknown>[] = []
  const write = (fields: unknown): void => void seen.push(fields as Record<string, unknown>)
  logEvents(client, { debug: write, info: write, warn: write, error: write }, { style: 'pino' })
  const bad = Array.from({ length: 10_000 }, (_, index) => ({ id: `bad${index}`, url: 'ftp://x' }))
  source.push({ id: 'a', url }, ...(bad as never[]))
  await client.ready()
  await waitFor(() => expect(seen.some(({ event }) => event === 'source:invalid')).toBe(true))
  const line = seen.find(({ event }) => event === 'source:invalid')
  expect(line).toMatchObject({ rejectedInAll: 10_000 })
  expect(line?.['rejected']).toHaveLength(20)
})

it('a line for a console says why an entry was dropped, and why a source failed, down to its cause', async () => {
  const source = new HandSource()
  await using client = createClient({ service: 'svc', source })
  const lines: string[] = []
  const write = (line: string): void => void lines.push(line)
  logEvents(client, { debug: write, info: write, warn: write, error: write }, { style: 'console' })
  source.push({ id: 'a', url }, { id: 'b', url: 'ftp://x' }, { id: 'c', url: 'http://x/path' })
  await client.ready()
  source.fail(new Error('the list cannot be read', { cause: new Error('connect ECONNREFUSED') }))
  await waitFor(() => expect(lines.filter((line) => /source:/.test(line))).toHaveLength(2))
  expect(lines.filter((line) => /source:/.test(line))).toEqual([
    expect.stringMatching(/^svc source:invalid: .*http.*ftp.*\(and 1 more\)$/),
    'svc source:stale: 1 instance, the list cannot be read, connect ECONNREFUSED',
  ])
})

it('invalid entries have no stack traces, and Error.stackTraceLimit is restored', () => {
  const limit = Error.stackTraceLimit
  const during: number[] = []
  const spy = {
    get url(): string {
      during.push(Error.stackTraceLimit)
      throw new Error('a getter')
    },
  }
  expect(validateSnapshot([spy]).rejected).toMatchObject([{ reason: 'a getter' }])
  expect(during).not.toContain(limit)
  expect(Error.stackTraceLimit).toBe(limit)
})
