import { Child } from './child.ts'
import type { Row, Sample } from './row.ts'

/** All samples of each variant, in the order of the rounds. */
export type Samples = ReadonlyMap<string, readonly Sample[]>

const ROUNDS = 15

/** Runs the variants of a row in turn, each in a separate process. Every second time the order is reversed. */
export async function runRow(file: URL, row: Row): Promise<Samples> {
  const samples = new Map<string, Sample[]>()
  for (const name of Object.keys(row.variants)) samples.set(name, [])
  for (let generation = 0; generation < (row.generations ?? 1); generation++) {
    // The first process is idle while the others warm up, and is a few per cent slower because of that.
    const order = Object.keys(row.variants)
    await runGeneration(file, row, generation % 2 ? order.toReversed() : order, samples)
  }
  return samples
}

async function runGeneration(
  file: URL,
  row: Row,
  names: readonly string[],
  samples: ReadonlyMap<string, Sample[]>,
): Promise<void> {
  await using stack = new AsyncDisposableStack()
  const origins: string[] = []
  if (row.servers) {
    const server = stack.use(
      new Child(new URL(row.secure ? 'secure-server.ts' : 'server.ts', import.meta.url), [
        String(row.servers),
      ]),
    )
    origins.push(...((await server.message()) as string[]))
  }
  const workers = new Map<string, Child>()
  for (const name of names) {
    const args = [file.href, name, ...origins]
    const worker = stack.use(new Child(new URL('worker.ts', import.meta.url), args))
    await worker.message()
    workers.set(name, worker)
  }
  const order = [...workers]
  for (let round = 0; round < (row.rounds ?? ROUNDS); round++) {
    for (const [name, worker] of order) {
      worker.send('round')
      samples.get(name)?.push((await worker.message()) as Sample)
    }
    order.reverse()
  }
}
