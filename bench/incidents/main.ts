import { parseArgs } from 'node:util'
import { write } from '../scoreboard/report.ts'
import { render } from './report.ts'
import { incidents as all } from './rows/index.ts'
import { runAll } from './run.ts'
import { fails, line, near, REPEATS, undecided, type Result, type Run } from './verdict.ts'

const { values } = parseArgs({
  options: { check: { type: 'boolean', default: false }, only: { type: 'string', multiple: true } },
})
const only = values.only ?? []
for (const name of only) {
  if (!all.some(({ id }) => id === name)) {
    throw new RangeError(`--only: no incident ${name}; known: ${all.map(({ id }) => id).join(', ')}`)
  }
}
const incidents = all.filter(({ id }) => only.length === 0 || only.includes(id))
const started = performance.now()
const elapsed = (): string => `${((performance.now() - started) / 1000).toFixed(0)} s`
const runs = new Map<string, Run[]>(incidents.map(({ id }) => [id, []]))
const results = (): readonly Result[] =>
  incidents.map((incident) => ({ incident, runs: runs.get(incident.id)! }))

for (let round = 0; round < REPEATS; round++) {
  const due = results().filter((result) => round === 0 || near(result))
  if (round > 0 && due.length > 0)
    console.log(`\n${due.length} near their limit or disturbed by other work are run again (${elapsed()})`)
  await runAll(
    due.map(({ incident }) => incident),
    (incident, run) => {
      runs.get(incident.id)!.push(run)
      console.log(`${line({ incident, runs: runs.get(incident.id)! })}\n  (${elapsed()})`)
    },
    ({ id }, lost) => {
      if (process.stdout.isTTY)
        process.stdout.write(`${id}: lost so far ${lost.join(' / ')} (${elapsed()})\u001b[K\r`)
    },
  )
}

const worse = results().filter(fails)
for (const result of worse) console.log(`worse than plain fetch: ${result.incident.id}`)
const silent = results().filter(undecided)
for (const result of silent) console.log(`undecided, the machine was busy: ${result.incident.id}`)
// On a busy machine a few rows may be undecided. If too many are, the table proves nothing.
const proof = silent.length <= incidents.length / 4
if (!proof) console.log('Too many rows are undecided: run again when the machine has less to do.')
if (values.check || !proof) process.exitCode = worse.length > 0 || !proof ? 1 : 0
if (!values.check && proof && only.length === 0) await write(await render(results()))
const held = incidents.length - worse.length - silent.length
console.log(`${held} of ${incidents.length} incidents hold; ${elapsed()}`)
