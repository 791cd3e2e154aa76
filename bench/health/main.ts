/**
 * Measures what health checks change in an incident. A fixed list names three instances. One of them is killed, hangs or
 * responds with 503 for ten of thirty seconds. The requests are POSTs, which are sent once. Prints a table.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { createClient, fixed, roundRobin, type HealthOptions } from '../../src/index.ts'

const HEALTH: HealthOptions = { path: '/healthz', interval: 1_000, timeout: 500 }
const BEFORE = 5_000
const INCIDENT = 15_000
const AFTER = 10_000
const LIMIT = 1_000

type Call = (url: string) => Promise<{ readonly status: number; text(): Promise<string> }>
type Incident = 'killed' | 'hangs' | 'says 503'

interface Server {
  readonly child: ChildProcess
  readonly url: string
}

async function start(): Promise<Server> {
  const child = fork(new URL('server.ts', import.meta.url))
  const [{ port }] = (await once(child, 'message')) as [{ port: number }]
  return { child, url: `http://127.0.0.1:${port}` }
}

function begin({ child }: Server, incident: Incident): void {
  if (incident === 'killed') child.kill('SIGKILL')
  else if (incident === 'hangs') child.kill('SIGSTOP')
  else child.send(503)
}

function end({ child }: Server, incident: Incident): void {
  if (incident === 'hangs') child.kill('SIGCONT')
  else if (incident === 'says 503') child.send(200)
}

async function play(incident: Incident, perSecond: number, how: 'fetch' | 'off' | 'on'): Promise<string> {
  const servers = await Promise.all([start(), start(), start()])
  const urls = servers.map(({ url }) => url)
  const client = createClient({
    service: 'svc',
    source: fixed(urls),
    balance: roundRobin(),
    timeout: { total: LIMIT },
    health: how === 'on' ? HEALTH : false,
  })
  let turn = 0
  const call: Call =
    how === 'fetch'
      ? () => fetch(urls[turn++ % 3] ?? '', { method: 'POST', signal: AbortSignal.timeout(LIMIT) })
      : () => client('/', { method: 'POST' })
  let failed = 0
  let made = 0
  let slowest = 0
  const one = async (): Promise<void> => {
    const began = performance.now()
    made++
    try {
      const answer = await call('/')
      await answer.text()
      if (answer.status !== 200) failed++
    } catch {
      failed++
    }
    slowest = Math.max(slowest, performance.now() - began)
  }
  const pending: Promise<void>[] = []
  const until = async (time: number): Promise<void> => {
    for (;;) {
      const due = startedAt + (pending.length * 1_000) / perSecond
      if (due - startedAt > time) return
      await sleep(Math.max(0, due - performance.now()))
      pending.push(one())
    }
  }
  const startedAt = performance.now()
  const [, sick] = servers
  await until(BEFORE)
  if (sick) begin(sick, incident)
  await until(BEFORE + INCIDENT)
  if (sick) end(sick, incident)
  await until(BEFORE + INCIDENT + AFTER)
  await Promise.all(pending)
  await client.close()
  for (const { child } of servers) child.kill('SIGKILL')
  return `${failed} of ${made}, ${Math.round(slowest)} ms`
}

console.log('| one of three | calls/s | fetch | without checks | with checks |')
console.log('| --- | --- | --- | --- | --- |')
for (const incident of ['killed', 'hangs', 'says 503'] as const) {
  for (const perSecond of [1, 10, 100]) {
    const cells = await Promise.all(
      (['fetch', 'off', 'on'] as const).map((how) => play(incident, perSecond, how)),
    )
    console.log(`| ${[incident, perSecond, ...cells].join(' | ')} |`)
  }
}
