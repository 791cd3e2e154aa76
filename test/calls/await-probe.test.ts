import { AsyncLocalStorage } from 'node:async_hooks'
import { expect, it } from 'vitest'
import {
  CircuitOpenError,
  createClient,
  fixed,
  LimitExceededError,
  type Client,
  type ClientOptions,
} from '../../src/index.ts'
import { ManualClock } from '../../src/testing/clock.ts'
import type { SimulationReport } from '../../src/testing/report.ts'
import { simulate, type SimulatedPolicy } from '../../src/testing/simulate.ts'

type Work = (id: string) => Promise<string> | string

/** A client with every breaker open, whose next early probes are under way: `works` says what attempts do. */
interface Outage {
  readonly users: Client
  readonly clock: ManualClock
  /** Calls until one is let through as an early probe; the others are refused at once. */
  probe(work: Work): Promise<{ call: Promise<string> }>
}

const STILL = Symbol('still waits')

async function ended<T>(promise: Promise<T>): Promise<T | typeof STILL> {
  return Promise.race([promise, new Promise<typeof STILL>((resolve) => setImmediate(resolve, STILL))])
}

async function outage(options: Partial<ClientOptions> = {}): Promise<Outage> {
  const clock = new ManualClock()
  const source = fixed(['http://a.invalid', 'http://b.invalid'])
  const users = createClient({ service: 'svc', source, clock, retry: false, ...options })
  const fails: Work = () => Promise.reject(Object.assign(new Error('down'), { code: 'ECONNRESET' }))
  for (let calls = 0, refused = 0; refused < 3; calls++) {
    if (calls > 200) throw new Error('the breakers do not open')
    const error: unknown = await users.execute(({ id }) => fails(id)).catch((reason: unknown) => reason)
    await clock.advance(10)
    if (error instanceof CircuitOpenError) refused++
  }
  return {
    users,
    clock,
    async probe(work) {
      for (let calls = 0; calls < 20; calls++) {
        let isSent = false
        const call = users.execute(({ id }) => {
          isSent = true
          return work(id)
        })
        await ended(call.catch(() => {}))
        if (isSent) return { call }
      }
      throw new Error('no call is let through')
    },
  }
}

const down = Object.assign(new Error('down'), { code: 'ECONNREFUSED' })

async function failProbe(probe: Outage['probe']): Promise<void> {
  await expect((await probe(() => Promise.reject(down))).call).rejects.toBe(down)
}

const after =
  (clock: ManualClock, ms: number, result: string | Error): Work =>
  async () => {
    await clock.sleep(ms)
    if (result instanceof Error) throw result
    return result
  }

it('calls made while an early probe is under way are sent when it succeeds, each in its own async context', async () => {
  const { users, clock, probe } = await outage()
  const user = new AsyncLocalStorage<number>()
  const { call: first } = await probe(after(clock, 40, 'back'))
  const attempts: number[] = []
  const calls = Array.from({ length: 50 }, (_, index) =>
    user.run(index, () =>
      users.execute((_instance, { attempt }) => {
        attempts.push(attempt)
        return user.getStore()
      }),
    ),
  )
  await clock.advance(40)
  expect(await first).toBe('back')
  expect(await Promise.all(calls)).toEqual(Array.from({ length: 50 }, (_, index) => index))
  expect(new Set(attempts)).toEqual(new Set([1]))
  await users.close()
})

it('calls are refused, and not sent, when the probe fails', async () => {
  const { users, clock, probe } = await outage()
  const { call: first } = await probe(after(clock, 40, down))
  let sent = 0
  // The throttle lets one in ten through.
  const calls = Array.from({ length: 9 }, () => users.execute(() => sent++))
  const results = Promise.allSettled(calls)
  await clock.advance(40)
  await expect(first).rejects.toBe(down)
  const refused = (await results).filter(
    (result) => result.status === 'rejected' && result.reason instanceof CircuitOpenError,
  )
  expect(refused).toHaveLength(9)
  expect(sent).toBe(0)
  await users.close()
})

it('one probe that fails does not end the wait for another, which succeeds', async () => {
  const { users, clock, probe } = await outage()
  const { call: bad } = await probe(
    after(clock, 10, Object.assign(new Error('down'), { code: 'ECONNRESET' })),
  )
  let succeed: (() => void) | undefined
  const second = (): Promise<string> => new Promise((resolve) => (succeed = () => resolve('good')))
  const calls: Promise<string>[] = []
  // One is let through; those before it wait for the first probe, those after it for both.
  for (let index = 0; index < 11; index++) calls.push(users.execute(second).catch(() => 'refused'))
  const waits = users.execute(() => 'answered')
  await clock.advance(10)
  await expect(bad).rejects.toThrow('down')
  expect(await ended(waits)).toBe(STILL)
  succeed?.()
  expect(await waits).toBe('answered')
  // Those that waited are sent now, and never end by themselves.
  const closed = users.close()
  await clock.advance(60_000)
  await closed
  await Promise.allSettled(calls)
})

it('no call waits longer than 100 ms after the start of a probe that hangs', async () => {
  const { users, clock, probe } = await outage()
  const stop = new AbortController()
  void (await probe(() => new Promise<string>((_, reject) => stop.signal.addEventListener('abort', reject))))
  await clock.advance(60)
  const waits = users.execute(() => 'sent')
  const refused = expect(waits).rejects.toBeInstanceOf(CircuitOpenError)
  await clock.advance(39)
  expect(await ended(waits.catch(() => 'over'))).toBe(STILL)
  await clock.advance(1)
  await refused
  await expect(ended(users.execute(() => 'sent'))).rejects.toBeInstanceOf(CircuitOpenError)
  stop.abort()
  await users.close()
})

it('calls wait longer for a probe that takes longer than the last one: an instance that has just started is slow', async () => {
  const { users, clock, probe } = await outage()
  await failProbe(probe)
  const { call: slow } = await probe(after(clock, 1_500, 'back'))
  await clock.advance(1_000)
  const calls = Array.from({ length: 5 }, () => users.execute(() => 'sent'))
  await clock.advance(500)
  expect(await slow).toBe('back')
  expect(await Promise.all(calls)).toEqual(Array.from({ length: 5 }, () => 'sent'))
  await users.close()
})

it('a call does not wait for a probe if a breaker admits calls but its instance is full', async () => {
  const { users, clock, probe } = await outage({ limit: { perInstance: 1 } })
  const { call: first } = await probe(after(clock, 90, 'back'))
  users.reset()
  const full = [1, 2].map(() => users.execute(() => clock.sleep(50)).catch((error: unknown) => error))
  await expect(ended(users.execute(() => 'sent'))).rejects.toBeInstanceOf(LimitExceededError)
  await clock.advance(90)
  await Promise.all([first, ...full])
  await users.close()
})

it('a call does not wait for probes that begin after it, so its wait ends even if one is always under way', async () => {
  const { users, clock, probe } = await outage()
  await failProbe(probe)
  const { call: first } = await probe(after(clock, 40, down))
  first.catch(() => {})
  const waits = users.execute(() => 'sent')
  const refused = expect(waits).rejects.toBeInstanceOf(CircuitOpenError)
  await clock.advance(20)
  const later: Promise<string>[] = []
  // One of them is the next probe; the others wait for it.
  for (let index = 0; index < 11; index++) later.push(users.execute(() => after(clock, 40, down)('')))
  const over = Promise.allSettled(later)
  await clock.advance(20)
  await refused
  await clock.advance(40)
  expect((await over).every(({ status }) => status === 'rejected')).toBe(true)
  await users.close()
})

it('after a call has waited two seconds without a result, later calls wait 100 ms only', async () => {
  const { users, clock, probe } = await outage()
  await failProbe(probe)
  const { call: hangs } = await probe(() => new Promise<string>(() => {}))
  hangs.catch(() => {})
  const first = users.execute(() => 'sent')
  const refused = expect(first).rejects.toBeInstanceOf(CircuitOpenError)
  await clock.advance(1_999)
  expect(await ended(first.catch(() => 'over'))).toBe(STILL)
  await clock.advance(1)
  await refused
  const { call: hangsToo } = await probe(() => new Promise<string>(() => {}))
  hangsToo.catch(() => {})
  const next = expect(users.execute(() => 'sent')).rejects.toBeInstanceOf(CircuitOpenError)
  await clock.advance(100)
  await next
  const closed = users.close()
  await clock.advance(60_000)
  await closed
})

it('an abort, a deadline and close() end the wait immediately', async () => {
  const { users, clock, probe } = await outage({ drainTimeout: 10 })
  void (await probe(after(clock, 90, 'back')))
  const stop = new AbortController()
  const aborted = users.execute(() => 'sent', { signal: stop.signal })
  stop.abort(new Error('changed my mind'))
  await expect(aborted).rejects.toThrow('changed my mind')
  const late = users.execute(() => 'sent', { deadline: clock.now() + 20 })
  const timedOut = expect(late).rejects.toMatchObject({ name: 'TimeoutError' })
  await clock.advance(20)
  await timedOut
  const cut = users.execute(() => 'sent')
  const closed = users.close()
  await expect(cut).rejects.toMatchObject({ code: 'ERR_OUTRIGGER_CLOSED' })
  await clock.advance(100)
  await closed
})

it('calls do not wait with whenAllOpen: "refuse"', async () => {
  const { users, clock } = await outage({
    whenAllOpen: 'refuse',
    breaker: { openFor: { initial: 50, jitter: 0 } },
  })
  await clock.advance(60)
  // One for each instance, now half-open.
  const probes = [1, 2].map(() => users.execute(() => clock.sleep(40)))
  await expect(ended(users.execute(() => 'sent'))).rejects.toBeInstanceOf(CircuitOpenError)
  await clock.advance(40)
  await Promise.all(probes)
  await users.close()
})

it.each([1, 2, 3, 4, 5])(
  'a burst just after an outage loses no more than without breakers (seed %i)',
  async (seed) => {
    const outageOf2s = (policy: SimulatedPolicy): Promise<SimulationReport> =>
      simulate({
        seed,
        duration: 6_000,
        client: () => ({ retry: false, ...policy }),
        servers: ['a', 'b'].map((id) => ({
          id,
          respond: ({ now }) => (now >= 2_000 && now < 4_000 ? 'refuse' : { after: 40, status: 200 }),
        })),
        // 100 calls at once at 4.06 s.
        arrivals: { rate: 120, shape: (now) => (now >= 4_060 && now < 4_070 ? 84 : 1) },
      })
    const plain = await outageOf2s({ breaker: false })
    const ours = await outageOf2s({})
    expect(ours.success).toBeGreaterThan(plain.success - 0.03)
  },
)
