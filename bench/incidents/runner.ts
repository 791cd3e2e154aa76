import { contenders } from './contenders.ts'
import { CONTENDERS, type Contender } from './behaviour.ts'
import { incidents } from './rows/index.ts'
import { tally, type Figures, type Outcome } from './tally.ts'
import { Server, World } from './world.ts'

/**
 * A child process of the table: it runs one incident once, with all contenders in this process, and sends its results.
 */
const incident = incidents.find(({ id }) => id === process.argv[2])!
/** The number of calls of each contender before the run. */
const WARM_UP = 30

const servers = await Promise.all(
  Array.from({ length: incident.servers }, (_, index) =>
    new Server(index, incident.h2 ?? false, incident.behaviour ?? {}).start(),
  ),
)
const world = new World(servers)
const calls = CONTENDERS.map((name, lane) => contenders[name](incident, world.directories[lane]!))
const outcomes: Outcome[][] = CONTENDERS.map(() => [])

const steady = Array.from(
  { length: Math.floor((incident.rate * incident.duration) / 1000) },
  (_, n) => (n * 1000) / incident.rate,
)
const bursts = (incident.bursts ?? []).flatMap(({ at, calls }) => Array.from({ length: calls }, () => at))
const due = [...steady, ...bursts].toSorted((a, b) => a - b)
const steps = incident.steps.toSorted((a, b) => a.at - b.at)

// Compiles the code and opens the connections before the measurement.
for (let n = 0; n < WARM_UP; n++) await Promise.all(calls.map((call) => call({}).catch(() => 0)))
const before = await counts()

const started = performance.now()
const since = (): number => performance.now() - started
const pending: Promise<void>[] = []
const progress = setInterval(
  () => process.send?.({ progress: outcomes.map((each) => each.filter(({ lost }) => lost).length) }),
  1000,
)

async function one(n: number, lane: number): Promise<void> {
  const at = since()
  const init: RequestInit = {
    ...incident.init?.(n),
    ...(incident.limit === undefined ? {} : { signal: AbortSignal.timeout(incident.limit) }),
  }
  let late: NodeJS.Timeout | undefined
  const impatience = new Promise<string>((resolve) => {
    late = setTimeout(() => resolve('no answer'), incident.patience)
  })
  const result = await Promise.race([calls[lane]!(init).then(String, reason), impatience])
  clearTimeout(late)
  const good = result === '200'
  outcomes[lane]!.push({ at, ms: since() - at, result, lost: !good && !incident.expected?.(n) })
}

function reason(error: unknown): string {
  const { code, cause, name } = error as { code?: string | number; name: string; cause?: { code?: string } }
  return (typeof code === 'string' ? code : cause?.code) ?? name
}

/** The number of requests that servers have received from each contender. */
async function counts(): Promise<readonly number[]> {
  const each = await Promise.all(servers.map((server) => server.counts()))
  return CONTENDERS.map((_, lane) => each.reduce((sum, lanes) => sum + lanes[lane]!, 0))
}

let lag = 0
let made = 0
let stepped = 0
while (made < due.length || stepped < steps.length) {
  while (stepped < steps.length && steps[stepped]!.at <= since()) steps[stepped++]!.run(world)
  while (made < due.length && due[made]! <= since()) {
    // The order of the contenders changes with every call.
    for (let lane = 0; lane < calls.length; lane++) pending.push(one(made, (made + lane) % calls.length))
    made++
  }
  const slept = performance.now()
  await new Promise((resolve) => setTimeout(resolve, 2))
  lag = Math.max(lag, performance.now() - slept)
}
await Promise.all(pending)
clearInterval(progress)
for (const server of servers) server.thaw()
const after = await counts()
const figures = Object.fromEntries(
  CONTENDERS.map((name, lane) => [name, tally(incident, outcomes[lane]!, after[lane]! - before[lane]!)]),
) as Record<Contender, Figures>
process.send?.({ run: { ...figures, lag } }, () => process.exit())
