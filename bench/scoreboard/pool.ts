import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import type { Run } from './run.ts'
import type { Task } from './worker.ts'

/** Runs every task, one per core at a time. The results are in the order of the tasks. */
export async function runAll(
  tasks: readonly Task[],
  onDone: (task: Task, done: number) => void,
): Promise<readonly Run[]> {
  const results: Run[] = []
  let next = 0
  let done = 0
  const work = async (): Promise<void> => {
    const worker = new Worker(new URL('worker.ts', import.meta.url))
    try {
      for (let task = tasks[next]; task; task = tasks[next]) {
        const index = next++
        // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
        worker.postMessage(task)
        const [result] = (await once(worker, 'message')) as [Run]
        results[index] = result
        onDone(task, ++done)
      }
    } finally {
      await worker.terminate()
    }
  }
  await Promise.all(Array.from({ length: availableParallelism() }, work))
  return results
}
