import { describe, expect, it, vi } from 'vitest'
import { createClient, NoInstanceError, type ClientOptions } from '../../src/index.ts'
import { sourceFailure } from '../../src/registry/source-failure.ts'
import { ManualClock } from '../../src/testing/clock.ts'
import { CHILD_TIMEOUT, runChild } from '../support/child.ts'
import { HandSource } from '../support/source.ts'

const a = { id: 'a', url: 'http://127.0.0.1:1001' }
const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
const unauthorised = Object.assign(new Error('401'), { status: 401 })
const blip = Object.assign(new Error('reset'), { code: 'ECONNRESET' })

function setUp(options: Partial<ClientOptions> = {}) {
  const clock = new ManualClock()
  const source = new HandSource()
  return { clock, source, client: createClient({ service: 'svc', source, clock, ...options }) }
}

const ended = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    (value) => value ?? 'done',
    (error: unknown) => error,
  )

describe('ready()', () => {
  it('waits for a source that cannot be reached', async () => {
    const { clock, source, client } = setUp()
    const ready = ended(client.ready())
    source.fail(refused)
    await clock.advance(60_000)
    source.push(a)
    await clock.advance(60_000)
    expect(await ready).toBe('done')
    await client.close()
  })

  it('rejects with the source’s error after the timeout', async () => {
    const { clock, source, client } = setUp()
    const ready = ended(client.ready({ timeout: 5_000 }))
    source.fail(refused)
    await clock.advance(5_000)
    const error = await ready
    expect(error).toBeInstanceOf(NoInstanceError)
    expect(error).toMatchObject({ cause: refused, message: expect.stringContaining('cannot be reached') })
    await client.close()
  })

  it('rejects at once if the source fails for a reason that does not go away by itself', async () => {
    const { clock, source, client } = setUp()
    const ready = ended(client.ready())
    source.fail(unauthorised)
    await clock.advance(0)
    expect(await ready).toMatchObject({ cause: unauthorised, code: 'ERR_OUTRIGGER_NO_INSTANCE' })
    expect(await ended(client.ready())).toMatchObject({ cause: unauthorised })
    await client.close()
  })

  it('rejects with the signal’s reason, and with close()', async () => {
    const { clock, client } = setUp()
    const controller = new AbortController()
    const given = ended(client.ready({ signal: controller.signal }))
    const pending = ended(client.ready())
    const reason = new Error('enough')
    controller.abort(reason)
    expect(await given).toBe(reason)
    expect(await ended(client.ready({ signal: controller.signal }))).toBe(reason)
    await Promise.all([client.close(), clock.advance(2000)])
    expect(await pending).toMatchObject({ code: 'ERR_OUTRIGGER_CLOSED' })
    expect(await ended(client.ready())).toMatchObject({ code: 'ERR_OUTRIGGER_CLOSED' })
  })

  it('rejects invalid options', async () => {
    const { client } = setUp()
    await expect(client.ready({ timeout: -1 })).rejects.toThrow('ready().timeout')
    await expect(client.ready({ nope: 1 } as never)).rejects.toThrow('nope')
    await client.close()
  })

  it(
    'keeps the process alive',
    async () => {
      const { stdout, code } = await runChild(`
        import { createClient } from './src/index.ts'
        const source = { async *watch() { throw Object.assign(new Error('no'), { code: 'ECONNREFUSED' }) } }
        const client = createClient({ service: 'svc', source })
        await client.ready({ timeout: 300 }).catch((error) => console.log(error.code, error.cause.code))
        await client.close()
      `)
      expect({ stdout, code }).toEqual({ stdout: 'ERR_OUTRIGGER_NO_INSTANCE ECONNREFUSED\n', code: 0 })
    },
    CHILD_TIMEOUT,
  )
})

describe('a call before the first snapshot', () => {
  it.each([refused, unauthorised])(
    'is rejected once the source has failed permanently: $message',
    async (error) => {
      const { clock, source, client } = setUp()
      const waiting = ended(client.execute(() => 1))
      source.fail(error)
      await clock.advance(0)
      expect(await waiting).toMatchObject({ code: 'ERR_OUTRIGGER_NO_INSTANCE', cause: error })
      expect(await ended(client.execute(() => 1))).toMatchObject({ cause: error })
      expect(await ended(client.request('/'))).toMatchObject({ cause: error })
      await client.close()
    },
  )

  it('waits after one temporary failure of the source, but not after two', async () => {
    const { clock, source, client } = setUp()
    const first = ended(client.execute(({ id }) => id))
    source.fail(blip)
    await clock.advance(0)
    const second = ended(client.execute(({ id }) => id))
    source.fail(blip)
    await clock.advance(20_000)
    expect(await Promise.all([first, second])).toMatchObject([{ cause: blip }, { cause: blip }])
    await client.close()
  })

  it('waits with waitForReady, up to its deadline', async () => {
    const { clock, source, client } = setUp({ timeout: 20_000, routes: { 'GET /x': { waitForReady: true } } })
    source.fail(refused)
    await clock.advance(0)
    expect(await ended(client.execute(() => 1))).toMatchObject({ cause: refused })
    const waiting = ended(client.execute(({ id }) => id, { route: 'GET /x' }))
    await clock.advance(1_000)
    source.push(a)
    await clock.advance(10_000)
    expect(await waiting).toBe('a')
    expect(() => setUp({ waitForReady: 1 as never })).toThrow('waitForReady')
    await client.close()
  })
})

it('an outage without a listener causes one process warning', async () => {
  const warnings: string[] = []
  const spy = vi.spyOn(process, 'emitWarning').mockImplementation((text) => void warnings.push(String(text)))
  try {
    const { clock, source, client } = setUp()
    source.push(a)
    source.fail(refused)
    source.fail(refused)
    await clock.advance(60_000)
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toContain('svc')
    source.push(a)
    await clock.advance(60_000)
    client.on('source:stale', () => {})
    source.fail(refused)
    await clock.advance(60_000)
    expect(warnings).toHaveLength(1)
    await client.close()
  } finally {
    spy.mockRestore()
  }
})

it.each([
  [new TypeError('fetch failed', { cause: refused }), 'unreachable'],
  [new Error('wrapped', { cause: unauthorised }), 'permanent'],
  [new TypeError('watch() must return an async iterable'), 'permanent'],
  [Object.assign(new Error('slow down'), { status: 429 }), 'unclear'],
  [new AggregateError([refused]), 'unreachable'],
  [blip, 'unclear'],
  ['text', 'unclear'],
  [null, 'unclear'],
])('the failure %s is %s', (error, failure) => {
  expect(sourceFailure(error)).toBe(failure)
})
