import { describe, expect, it } from 'vitest'
import { createClient, fixed, type ClientOptions, type Endpoint, type Instance } from '../../src/index.ts'
import { ManualClock } from '../../src/testing/clock.ts'
import { simulate } from '../../src/testing/simulate.ts'

const urls = ['http://a.invalid', 'http://b.invalid']
/** Always the first that may be picked. */
const first = (endpoints: readonly Endpoint[]): Endpoint | undefined => endpoints[0]

/** What happens when `a` answers one requester with `status` and Retry-After, and all others well. */
async function asked(
  answers: readonly ('refused' | 'served')[],
  status: number,
  options: Partial<ClientOptions> = {},
): Promise<string> {
  await using users = createClient({
    service: 's',
    source: fixed(urls),
    clock: new ManualClock(),
    retry: false,
    balance: first,
    ...options,
  })
  const seen: string[] = []
  for (const answer of [...answers, 'served']) {
    await users.execute(({ id }: Instance) => {
      seen.push(id.slice(0, 1))
      const isRefused = answer === 'refused' && id.startsWith('a')
      return isRefused ? { status, headers: { 'retry-after': '30' } } : { status: 200 }
    })
  }
  return seen.join('')
}

const R = 'refused' as const
const S = 'served' as const

describe('a pause that an instance asks for', () => {
  it('is respected after one 503, which concerns the server', async () => {
    expect(await asked([S, R, S], 503)).toBe('aabb')
  })

  it('is not respected after one 429, which concerns one requester', async () => {
    expect(await asked([S, R, S, R, S, R, S, S], 429)).toBe('aaaaaaaaa')
  })

  it('is respected after 429 if most requests get one', async () => {
    expect(await asked([R, R, R, R, S], 429)).toBe('aaaabb')
  })

  it.each(['success', 'failure', 'ignored'] as const)(
    'is not respected if classify returns %s',
    async (outcome) => {
      expect(await asked([R, R, S], 503, { classify: () => outcome, breaker: false })).toBe('aaaa')
    },
  )

  it('is as long as the server asked if classify returns overload', async () => {
    expect(
      await asked([R, S], 503, { classify: ({ status }) => (status === 503 ? 'overload' : undefined) }),
    ).toBe('abb')
  })

  it('is what classify returns, after one response', async () => {
    const classify: ClientOptions['classify'] = ({ status }) =>
      status === 429 ? { outcome: 'overload', pause: 10 } : undefined
    expect(await asked([R, S], 429, { classify })).toBe('abb')
    expect(await asked([R, S], 503, { classify: () => ({ outcome: 'overload', pause: 0 }) })).toBe('aaa')
    expect(await asked([R, S], 503, { classify: () => ({ outcome: 'overload' }) })).toBe('abb')
  })

  it.each([{ outcome: 'overload', pause: -1 }, { outcome: 'overload', pause: '1' }, { pause: 1 }, {}])(
    'is the default if classify returns %j, with a warning',
    async (judged) => {
      const warnings: string[] = []
      const listen = ({ message }: Error): void => void warnings.push(message)
      process.on('warning', listen)
      const classify = (): never => judged as never
      expect(await asked([R, S], 503, { classify })).toBe('abb')
      await new Promise((resolve) => {
        setImmediate(resolve)
      })
      process.off('warning', listen)
      expect(warnings).toEqual([expect.stringMatching(/^classify returned .*, not an outcome/)])
    },
  )
})

const served = (random: () => number): { after: number; status: number } => ({
  after: 15 + 10 * random(),
  status: 200,
})

it.each([0.005, 0.02])(
  '429 responses to one tenant, %f of the requests, do not change where other requests go',
  async (share) => {
    const { byServer, logical } = await simulate({
      duration: 60_000,
      arrivals: { rate: 200 },
      request: (_, random) => ({ path: random() < share ? '/noisy' : '/' }),
      servers: ['a', 'b', 'c'].map((id) => ({
        id,
        respond: ({ random, request }) =>
          request.path === '/noisy' && id !== 'a'
            ? { after: 1, status: 429, headers: { 'retry-after': '5' } }
            : served(random),
      })),
    })
    expect(byServer['a']).toBeLessThan(0.4 * logical)
  },
)

it.each([2, 3])(
  'of %i instances, one that responds with a fast 404 gets no more than its share',
  async (count) => {
    const { byServer, logical } = await simulate({
      duration: 60_000,
      arrivals: { rate: 200 },
      servers: Array.from({ length: count }, (_, index) => ({
        id: `s${index}`,
        respond: ({ random }) => (index === 0 ? { after: 1, status: 404 } : served(random)),
      })),
    })
    expect(byServer['s0']).toBeLessThan((1.1 * logical) / count)
  },
)
