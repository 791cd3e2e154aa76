// Measures what it costs a client to know ten thousand instances, of which one per cent is replaced each second.
//
//   node --conditions=@outrigger/source bench/registry-scale.ts
import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import {
  createClient,
  peakEwma,
  roundRobin,
  type Balancer,
  type Client,
  type Instance,
  type Source,
} from 'outrigger'
import { compilePlans } from '../src/client/compile.ts'
import { createCore } from '../src/client/core.ts'
import { VERDICTS } from '../src/verdict/verdict.ts'

const COUNT = 10_000
const CHURN = 100 // instances per second
const SECONDS = 10
const CALLS = 500 // calls per second, at the same time

setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc') as () => void

let born = 0
const newborn = (): Instance => {
  const n = born++
  return {
    id: `i${n}`,
    url: `http://10.${n >> 16}.${(n >> 8) & 255}.${n & 255}:8080`,
    weight: 1,
    zone: `zone-${n % 3}`,
    metadata: { version: '1' },
  }
}

const quantile = (sorted: readonly number[], share: number): number =>
  sorted[Math.floor(share * (sorted.length - 1))] ?? NaN
const shown = (values: number[]): string => {
  values.sort((a, b) => a - b)
  return `p50 ${quantile(values, 0.5).toFixed(2)} ms, p99 ${quantile(values, 0.99).toFixed(2)} ms, max ${quantile(values, 1).toFixed(2)} ms`
}

/** The CPU time of this process in milliseconds. Unlike elapsed time, it hardly depends on other processes. */
const cpu = (): number => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

const megabytes = async (): Promise<number> => {
  // Objects that were just closed may still be referenced from a stack.
  await sleep(100)
  gc()
  return process.memoryUsage().heapUsed / 2 ** 20
}

/**
 * A registry that sends all instances, parsed again, `rate` times per second. It measures how long each snapshot is
 * processed.
 */
class Churning implements Source {
  readonly reconciled: number[] = []
  readonly built: number[] = []
  first = NaN
  readonly #rate: number
  readonly #list: Instance[]

  constructor(count: number, rate: number) {
    this.#rate = rate
    this.#list = Array.from({ length: count }, newborn)
  }

  async *watch(_service: string, { signal }: { signal: AbortSignal }): AsyncGenerator<readonly Instance[]> {
    for (let tick = 0; !signal.aborted; tick++) {
      const began = performance.now()
      const start = cpu()
      const changes = tick === 0 ? 0 : CHURN / this.#rate
      for (let n = 0; n < changes; n++) this.#list[Math.floor(Math.random() * this.#list.length)] = newborn()
      const snapshot = JSON.parse(JSON.stringify(this.#list)) as Instance[]
      const ready = cpu()
      yield snapshot
      const done = cpu()
      if (tick === 0) this.first = done - ready
      else {
        this.built.push(ready - start)
        this.reconciled.push(done - ready)
      }
      const pause = this.#rate === 0 ? 2 ** 30 : Math.max(1000 / this.#rate - (performance.now() - began), 0)
      await sleep(pause, undefined, { signal, ref: false }).catch(() => {})
    }
  }
}

async function traffic(client: Client, milliseconds: number): Promise<number[]> {
  const took: number[] = []
  const began = performance.now()
  for (let n = 1; performance.now() - began < milliseconds; n++) {
    const start = performance.now()
    await client.execute(async () => 'answer')
    took.push(performance.now() - start)
    await sleep(Math.max(began + (n * 1000) / CALLS - performance.now(), 0))
  }
  return took
}

async function churn(rate: number): Promise<void> {
  const source = new Churning(COUNT, rate)
  const before = await megabytes()
  const client = createClient({ service: 'users', source })
  await client.ready()
  await traffic(client, 2000)
  source.built.length = 0
  source.reconciled.length = 0
  const start = cpu()
  const took = await traffic(client, SECONDS * 1000)
  const perSecond = (cpu() - start) / SECONDS
  const parsing = source.built.reduce((sum, ms) => sum + ms, 0) / SECONDS
  console.log(`${rate} snapshots a second, ${rate && CHURN / rate} changes in each, ${CALLS} calls a second`)
  console.log(
    `  first snapshot: ${source.first.toFixed(1)} ms CPU; each further one: ${rate ? shown(source.reconciled) : '-'}`,
  )
  console.log(
    `  CPU: ${perSecond.toFixed(0)} ms a second, ${parsing.toFixed(0)} ms of them in the source, for JSON`,
  )
  console.log(`  a call: ${shown(took)} (time, not CPU)`)
  if (rate === 0) {
    // Only for the first client, because the heap may contain remains of earlier ones.
    const heap = (await megabytes()) - before
    console.log(`  heap: ${heap.toFixed(1)} MB, ${((heap * 2 ** 20) / COUNT).toFixed(0)} bytes an instance`)
  }
  await client.close()
}

/** Returns the nanoseconds of one acquire, settle and release. */
async function acquire(count: number, balance: Balancer): Promise<number> {
  const source = {
    watch: async function* () {
      yield Array.from({ length: count }, newborn)
      await sleep(2 ** 30, undefined, { ref: false })
    },
  }
  const options = { service: 'users', source: source as unknown as Source, balance }
  const compiled = compilePlans(options)
  const core = createCore(options, compiled)
  core.discovery.start()
  await core.discovery.ready
  const request = {
    now: 0,
    attempt: 1,
    route: undefined,
    method: 'GET',
    path: '/',
    random: () => core.clock.random(),
    excluded: () => false,
    header: () => undefined,
  }
  const { guard } = compiled.plans.base
  const run = (times: number): number => {
    const start = cpu()
    for (let n = 0; n < times; n++) {
      const attempt = core.fleet.acquire(request, guard)
      attempt?.settle(VERDICTS.good, 1)
      attempt?.release()
    }
    return ((cpu() - start) * 1e6) / times
  }
  run(300_000)
  const rounds = Array.from({ length: 7 }, () => run(100_000))
  void core.discovery.close()
  return Math.min(...rounds)
}

console.log(`${COUNT} instances, ${CHURN} of them replaced a second\n`)
for (const rate of [0, 1, 10]) await churn(rate)
console.log('\nacquire + settle + release, ns:')
const rows: Record<string, Record<string, number>> = {}
for (const count of [10, 100, 1000, COUNT]) {
  rows[`${count} instances`] = {
    peakEwma: Math.round(await acquire(count, peakEwma())),
    roundRobin: Math.round(await acquire(count, roundRobin())),
  }
}
console.table(rows)
