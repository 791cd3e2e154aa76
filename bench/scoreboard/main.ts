import { parseArgs } from 'node:util'
import { runAll } from './pool.ts'
import { differences, render, write } from './report.ts'
import { combine, holds, type Result } from './result.ts'
import { scenarios } from './scenarios/index.ts'
import type { Task } from './worker.ts'

const SEEDS = [1, 2, 3, 4, 5]

const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } })
const started = performance.now()
const elapsed = (): string => `${((performance.now() - started) / 1000).toFixed(0)} s`

const tasks = scenarios.flatMap((scenario, index) =>
  scenario.variants.flatMap((_, variant) => SEEDS.map((seed): Task => ({ scenario: index, variant, seed }))),
)
const runs = await runAll(tasks, ({ scenario, variant, seed }, done) => {
  if (seed !== SEEDS.at(-1)) return
  const { id, variants } = scenarios[scenario]!
  console.log(`${done}/${tasks.length} ${id}: ${variants[variant]?.name} (${elapsed()})`)
})
const results = scenarios.map((scenario, index): Result => ({
  scenario,
  rows: scenario.variants.map((each, variant) =>
    combine(
      each,
      runs.filter((_, at) => tasks[at]?.scenario === index && tasks[at]?.variant === variant),
    ),
  ),
}))

for (const { scenario, rows } of results) {
  for (const row of rows) {
    for (const bound of row.variant.reach ?? []) {
      if (holds(bound, row)) continue
      console.log(
        `misses its target: ${scenario.id}, ${row.variant.name}, ${bound.figure} ${row.figures[bound.figure]}`,
      )
    }
  }
}

const files = await render(results, SEEDS.length)
if (values.check) {
  const found = await differences(files)
  for (const difference of found) console.error(difference)
  if (found.length > 0) {
    console.error(
      'The checked-in scoreboard differs from the results of the code. Run `npm run scoreboard` and explain the change.',
    )
    process.exitCode = 1
  }
} else {
  await write(files)
}
console.log(`done in ${elapsed()}`)
