// Five servers, and steady traffic through Outrigger and through plain fetch, during twenty seconds with many failures.
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs, styleText } from 'node:util'
import { MemoryRegistry } from 'outrigger'
import { serveDashboard } from 'outrigger/dashboard'
import { createUsers, getUser } from './client.ts'
import { Servers } from './fleet.ts'
import { createPlain } from './plain.ts'
import { mirror, openRegistry } from './registry.ts'
import { Screen } from './screen.ts'
import { Score, steadily } from './traffic.ts'

const RATE = 50
const SIDES = { outrigger: new Score(), 'plain fetch': new Score() }

const { values } = parseArgs({
  options: { registry: { type: 'string' }, dashboard: { type: 'boolean', default: false } },
})

const stop = new AbortController()
process.on('SIGINT', () => stop.abort())
process.on('SIGTERM', () => stop.abort())

const embedded = new MemoryRegistry({ ttl: 3_000 })
const real = values.registry === undefined ? undefined : await openRegistry(values.registry)
const mirrored =
  real?.write &&
  mirror(embedded, real.write, stop.signal).catch((error: unknown) => {
    process.exitCode = 1
    screen.tell(red(String(error)))
    stop.abort()
  })
const servers = new Servers(embedded, real?.registrar && values.registry)
const users = createUsers(real?.source ?? embedded)
const screen = new Screen()
// `npm start -- --dashboard` serves the dashboard on 127.0.0.1.
const page = values.dashboard ? await serveDashboard(users) : undefined

const red = (text: string): string => styleText('red', text)
const green = (text: string): string => styleText('green', text)
users.on('instance:added', ({ instance }) => screen.tell(green(`${instance.id} joined at ${instance.url}`)))
users.on('instance:removed', ({ instance }) => screen.tell(`${instance.id} is no longer in the registry`))
users.on('breaker:open', ({ instance, reason }) =>
  screen.tell(red(`breaker of ${instance.id} opened: ${reason}`)),
)
users.on('breaker:half-open', ({ instance }) =>
  screen.tell(`breaker of ${instance.id} is half-open: probing`),
)
users.on('breaker:close', ({ instance }) => screen.tell(green(`breaker of ${instance.id} closed`)))

const timeline: [at: number, what: string, run: () => void][] = [
  [3, 's2 is killed with SIGKILL', () => servers.kill('s2')],
  [6, 's3 turns slow: 1.5 s', () => servers.become('s3', 'slow')],
  [9, 's4 answers 503', () => servers.become('s4', 'failing')],
  [12, 's4 recovers', () => servers.become('s4', 'well')],
  [13, 's3 recovers', () => servers.become('s3', 'well')],
  [15, 's6 joins', () => servers.start('s6')],
  [20, 'the end', () => stop.abort()],
]

try {
  screen.open()
  if (page) screen.tell(`dashboard: ${page.url}`)
  for (const id of ['s1', 's2', 's3', 's4', 's5']) servers.start(id)
  const urls = await known(5)
  const drawing = setInterval(() => screen.draw(users.snapshot(), SIDES), 200)
  const plain = createPlain(urls)
  await Promise.all([
    play(),
    steadily(RATE, stop.signal, (id) => SIDES.outrigger.measure(() => getUser(users, id))),
    steadily(RATE, stop.signal, (id) => SIDES['plain fetch'].measure(() => plain(id))),
  ])
  clearInterval(drawing)
} finally {
  const snapshot = users.snapshot()
  users.off('instance:removed')
  await page?.close()
  await users.close()
  await servers[Symbol.asyncDispose]()
  stop.abort()
  await mirrored
  screen.close(snapshot, SIDES)
}

async function play(): Promise<void> {
  const started = performance.now()
  for (const [at, what, run] of timeline) {
    await sleep(Math.max(at * 1_000 - (performance.now() - started), 0), undefined, {
      signal: stop.signal,
    }).catch(() => {})
    if (stop.signal.aborted) return
    screen.tell(styleText('bold', what))
    run()
  }
}

/** Returns the URLs of the first servers, when enough of them have registered. */
async function known(count: number): Promise<string[]> {
  for (;;) {
    const urls = users.snapshot().instances.map(({ instance }) => instance.url)
    if (urls.length >= count || stop.signal.aborted) return urls
    await sleep(50)
  }
}
