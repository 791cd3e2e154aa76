// One fetch for thirty services, and all actions of an operator while calls go on. No call may fail.
//   node examples/thirty-services/main.ts
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createFetch, MemoryRegistry } from 'outrigger'
import { fileConfig, watchConfig } from 'outrigger/config'

const SERVICES = Array.from({ length: 30 }, (_, index) => `service-${index + 1}`)
const RATE = 300
const VERSIONS = ['v1', 'v1', 'v2']

interface Instance {
  readonly id: string
  readonly service: string
  readonly version: string
  readonly server: Server
  readonly url: string
}

async function start(service: string, index: number, version: string): Promise<Instance> {
  const id = `${service}/${index}`
  const server = createServer((request, response) => {
    if (request.headers['x-outrigger-mirror'] !== undefined) copies++
    setTimeout(() => response.end(`${String(request.headers['x-user'])} ${version}`), 2)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return { id, service, version, server, url: `http://127.0.0.1:${port}` }
}

let copies = 0
const registry = new MemoryRegistry({ ttl: 3_600_000 })
const instances: Instance[] = []
for (const service of SERVICES) {
  for (const [index, version] of VERSIONS.entries()) instances.push(await start(service, index, version))
}
const list = ({ id, service, url, version }: Instance): unknown =>
  registry.register(service, { id, url, metadata: { version } })
instances.forEach(list)

// Two lines are enough for all services. One service has its own options.
const app = createFetch({
  source: registry,
  unknown: 'discover',
  defaults: { timeout: { total: 5_000 }, warm: 1 },
  services: { 'service-1': { retry: { attempts: 2 } } },
})
const changes: string[] = []
app.on('control', ({ action, id }) => changes.push(`${action} ${id}`))
app.on('config:changed', ({ service, changed, by }) => changes.push(`${service}: ${changed.join()} by ${by}`))

// Writes the policy file as an operator does. The file is replaced as a whole, because an incomplete document is
// rejected.
const folder = await mkdtemp(join(tmpdir(), 'thirty-services-'))
const policy = join(folder, 'policy.json')
async function writePolicy(document: unknown): Promise<void> {
  await writeFile(`${policy}.new`, JSON.stringify(document))
  await rename(`${policy}.new`, policy)
}
await writePolicy({})
let refused = 0
await watchConfig(app, fileConfig(policy), { onRefused: () => refused++ }).first

interface Score {
  calls: number
  failed: number
  canary: number
}
const phases = new Map<string, Score>()
let phase = 'warm up'
const failures: string[] = []

async function call(index: number): Promise<void> {
  const score = phases.get(phase) ?? { calls: 0, failed: 0, canary: 0 }
  phases.set(phase, score)
  const service = SERVICES[index % SERVICES.length]
  const user = `user-${index % 997}`
  score.calls++
  try {
    const response = await app(`http://${service}/`, { headers: { 'x-user': user } })
    const [who, version] = (await response.text()).split(' ')
    if (!response.ok || who !== user) throw new Error(`${response.status} for ${user}: the answer of ${who}`)
    if (version === 'v2') score.canary++
  } catch (error) {
    score.failed++
    failures.push(`${phase}: ${service}: ${String(error)}`)
  }
}

const stop = new AbortController()
const running: Promise<void>[] = []
const load = (async () => {
  // A busy machine makes fewer calls. It must not make up for them with hundreds at once.
  for (let index = 0; !stop.signal.aborted; index++) {
    running.push(call(index))
    await sleep(1000 / RATE)
  }
})()

const third = (index: number): Instance[] => instances.filter((_each, at) => at % 3 === index)
const canary = { to: { version: 'v2' }, key: { header: 'x-user' } } as const
const kill = ({ server, service, id }: Instance): void => {
  registry.deregister(service, id)
  server.close()
}

const ACTIONS: [what: string, act: () => unknown][] = [
  [
    'an instance of each service is isolated',
    () => third(0).forEach(({ id }) => app.isolate(id, { reason: 'drill' })),
  ],
  ['and restored', () => third(0).forEach(({ id }) => app.restore(id))],
  ['an instance of each is drained', () => third(1).forEach(({ id }) => app.drain(id, { for: 400 }))],
  ['another weighs 5', () => third(2).forEach(({ id }) => app.weigh(id, 5))],
  ['a breaker of each opens', () => third(0).forEach(({ id }) => app.open(id, 300))],
  ['all is reset', () => app.reset()],
  ['breakers in dry run', () => app.dryRun(true, { by: 'ops' })],
  ['and back', () => app.dryRun(false, { by: 'ops' })],
  [
    'other defaults',
    () => app.update({ defaults: { timeout: { total: 3_000 }, hedge: { after: 200 } } }, { by: 'ops' }),
  ],
  [
    'a route with options of its own',
    () => app.update({ services: { 'service-2': { routes: { 'GET /': { breaker: false } } } } }),
  ],
  ['5 % of the users on v2', () => app.update({ defaults: { traffic: [{ ...canary, share: 0.05 }] } })],
  ['50 % of the users on v2', () => app.update({ defaults: { traffic: [{ ...canary, share: 0.5 }] } })],
  [
    'one user on v2, by a header',
    () =>
      app.update({ defaults: { traffic: [{ when: { header: { 'x-user': 'user-7' } }, to: canary.to }] } }),
  ],
  ['a tenth is copied to v2', () => app.update({ defaults: { mirror: { to: canary.to, share: 0.1 } } })],
  ['no canary, no copies', () => app.update({ defaults: {} })],
  [
    'the policy file says 20 % on v2',
    () => writePolicy({ defaults: { traffic: [{ ...canary, share: 0.2 }] } }),
  ],
  ['it has a mistake', () => writePolicy({ defaults: { timeout: { total: -1 } } })],
  ['it is empty again', () => writePolicy({})],
  ['a third of all servers leave', () => third(1).forEach(kill)],
  [
    'and are replaced',
    async () => {
      for (const { service, version } of third(1)) {
        const made = await start(service, 3, version)
        instances.push(made)
        list(made)
      }
    },
  ],
]

// The client knows a service from its first call on.
while (running.length < 5 * SERVICES.length) await sleep(50)
await Promise.all(running)
for (const [what, act] of ACTIONS) {
  phase = what
  await act()
  await sleep(400)
  // On a busy machine, a phase lasts until its share of canaries says something.
  while ((phases.get(what)?.calls ?? 0) < 2 * SERVICES.length) await sleep(50)
}
stop.abort()
await load
await Promise.all(running)
await app.close()
for (const { server } of instances) server.close()
await rm(folder, { recursive: true })

console.log('| while | calls | failed | on v2 |\n|---|---:|---:|---:|')
for (const [what, { calls, failed, canary: onCanary }] of phases) {
  console.log(`| ${what} | ${calls} | ${failed} | ${((onCanary / calls) * 100).toFixed(0)} % |`)
}
const services = Object.keys(app.snapshot().services).length
console.log(
  `\n${services} services, ${running.length} calls, ${failures.length} failed, ${changes.length} changes reported by events, ${copies} copies, ${refused} document rejected`,
)
for (const line of failures.slice(0, 10)) console.log(line)
process.exitCode = failures.length > 0 ? 1 : 0
