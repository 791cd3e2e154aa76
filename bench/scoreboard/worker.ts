import { parentPort } from 'node:worker_threads'
import { run } from './run.ts'
import { scenarios } from './scenarios/index.ts'

/** Scenarios contain functions, which cannot be sent to a worker. So a task contains the index of its scenario. */
export interface Task {
  readonly scenario: number
  readonly variant: number
  readonly seed: number
}

parentPort?.on('message', (task: Task) => {
  void perform(task)
})

async function perform({ scenario: index, variant, seed }: Task): Promise<void> {
  const scenario = scenarios[index]
  const chosen = scenario?.variants[variant]
  if (!scenario || !chosen) throw new Error(`no variant ${variant} of scenario ${index}`)
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
  parentPort?.postMessage(await run(scenario, chosen, seed))
}
