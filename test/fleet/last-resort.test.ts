import { describe, expect, it } from 'vitest'
import type { SimulatedServer } from '../../src/testing/servers.ts'
import { simulate, type SimulatedPolicy } from '../../src/testing/simulate.ts'
import type { SimulationReport } from '../../src/testing/report.ts'

type Respond = SimulatedServer['respond']

const NO_BREAKER: SimulatedPolicy = { breaker: false, retry: false }
const DEFAULTS: SimulatedPolicy = { retry: false }
const WALL: SimulatedPolicy = { retry: false, whenAllOpen: 'refuse' }

const down: Respond = () => ({ after: 5, status: 500 })
const brownOut =
  (share: number): Respond =>
  ({ random }) => ({ after: 10 + 10 * random(), status: random() < share ? 500 : 200 })
const downBetween =
  (from: number, to: number, bad: ReturnType<Respond> = { after: 5, status: 500 }): Respond =>
  ({ now }) =>
    now >= from && now < to ? bad : { after: 5, status: 200 }

function run(
  count: number,
  rate: number,
  respond: Respond,
  policy: SimulatedPolicy,
  duration = 30_000,
): Promise<SimulationReport> {
  const servers = Array.from({ length: count }, (_, index) => ({ id: `s${index}`, respond }))
  return simulate({ duration, servers, arrivals: { rate }, client: () => policy })
}

const lost = ({ success }: SimulationReport): number => 1 - success

describe.each([
  [1, 50],
  [3, 100],
  [10, 300],
])('%i instances at %i calls a second', (count, rate) => {
  it.each([0.5, 0.7, 0.75])('lose at most a third more when %f of all requests fail', async (share) => {
    const plain = lost(await run(count, rate, brownOut(share), NO_BREAKER))
    const ours = lost(await run(count, rate, brownOut(share), DEFAULTS))
    expect(ours).toBeLessThan(plain * (4 / 3))
    // Not only the letter: two thirds of what can succeed does.
    expect(1 - ours).toBeGreaterThan((1 - plain) * (2 / 3))
    const wall = lost(await run(count, rate, brownOut(share), WALL))
    expect(wall).toBeGreaterThanOrEqual(ours)
  })

  it('get at most 15 % of their usual load when all are down', async () => {
    const { attempts, logical } = await run(count, rate, down, DEFAULTS, 60_000)
    expect(attempts / logical).toBeLessThan(0.15)
    expect(attempts / logical).toBeGreaterThan(0.08)
  })

  it('get all calls again a second after all of them recover from a long outage', async () => {
    const { timeline } = await run(count, rate, downBetween(5_000, 65_000), DEFAULTS, 75_000)
    expect(timeline.filter(({ at }) => at >= 67_000).map(({ success }) => success)).toEqual(
      Array.from({ length: 8 }, () => 1),
    )
    expect(timeline.find(({ at }) => at === 66_000)?.success).toBeGreaterThan(0.9)
  })

  it('lose at most 2 % more than plain fetch when all fail for 10 s of each 20 s', async () => {
    const respond: Respond = ({ now }) => ({ after: 5, status: now % 20_000 >= 10_000 ? 500 : 200 })
    const plain = lost(await run(count, rate, respond, NO_BREAKER, 120_000))
    expect(lost(await run(count, rate, respond, DEFAULTS, 120_000))).toBeLessThan(plain + 0.02)
  })
})

describe('an outage of all instances', () => {
  it('in which requests hang ends too when they recover', async () => {
    const policy = { ...DEFAULTS, timeout: { attempt: 1000 } }
    const { timeline } = await run(3, 50, downBetween(5_000, 25_000, 'never'), policy)
    expect(timeline.find(({ at }) => at === 27_000)?.success).toBe(1)
  })

  it('does not end with all calls on the first instance that recovers', async () => {
    const { byServer } = await run(10, 300, downBetween(100, 20_000), DEFAULTS, 22_000)
    const counts = Object.values(byServer)
    const mean = counts.reduce((sum, count) => sum + count) / counts.length
    expect(Math.max(...counts)).toBeLessThan(1.7 * mean)
    expect(Math.min(...counts)).toBeGreaterThan(mean / 2)
  })

  it('that one instance survives causes no early probes', async () => {
    const servers = [
      { id: 'well', respond: (): ReturnType<Respond> => ({ after: 5, status: 200 }) },
      { id: 'down', respond: down },
    ]
    const policy: SimulatedPolicy = { ...DEFAULTS, balance: (endpoints) => endpoints.at(-1) }
    const { byServer } = await simulate({
      duration: 60_000,
      servers,
      arrivals: { rate: 100 },
      client: () => policy,
    })
    // Five to open it, and a probe for each opening: after 5, 10, 20 and 40 s.
    expect(byServer['down']).toBeLessThan(12)
  })

  it('causes a few breaker events, not one for each early probe', async () => {
    const { events } = await run(1, 300, down, DEFAULTS, 60_000)
    // An opening and a half-opening for every openFor of about 4.5 s.
    expect(events.filter(({ name }) => name.startsWith('breaker')).length).toBeLessThan(35)
  })
})

describe('all calls are refused', () => {
  it('for exactly openFor, if that is a number', async () => {
    const policy = { ...DEFAULTS, breaker: { openFor: 20_000 } }
    const { attempts, events } = await run(1, 100, down, policy, 19_000)
    // Those that were under way as it opened, too.
    expect(attempts).toBeLessThan(13)
    expect(events.filter(({ name }) => name === 'breaker:half-open')).toEqual([])
  })

  it("with whenAllOpen: 'refuse'", async () => {
    const policy: SimulatedPolicy = { ...WALL, breaker: { openFor: { initial: 20_000, jitter: 0 } } }
    expect((await run(2, 100, down, policy, 19_000)).attempts).toBeLessThan(20)
  })
})
