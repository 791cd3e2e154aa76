import { spawnSync } from 'node:child_process'
import { createClient, fixed } from 'outrigger'
import { Agent, request } from 'undici'
import { PATH } from '../harness/http.ts'
import type { Round, Row, Variant } from '../harness/row.ts'

const root = new URL('../../', import.meta.url)

/** The cost of importing a package in a new process. */
function importing(name: string): Variant {
  const script = `
    const cpu = process.cpuUsage()
    const rss = process.memoryUsage.rss()
    await import('${name}')
    const { user, system } = process.cpuUsage(cpu)
    console.log(JSON.stringify({ ms: (user + system) / 1000, MB: (process.memoryUsage.rss() - rss) / 2 ** 20 }))`
  return () => () => {
    const args = ['--input-type=module', '--eval', script]
    const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' })
    if (!stdout) throw new Error(stderr)
    return JSON.parse(stdout) as Record<string, number>
  }
}

/** The time from the start of a process to the first response, including its connections. */
function first(start: (origins: readonly string[]) => Promise<unknown>): Variant {
  return ({ origins }): Round =>
    async () => {
      const began = performance.now()
      await start(origins)
      return { ms: performance.now() - began }
    }
}

export const row: Row = {
  title: 'start',
  servers: 4,
  rounds: 15,
  roundMs: 0,
  variants: {
    'import outrigger': importing('outrigger'),
    'import undici': importing('undici'),
    'first request of outrigger': first(async (origins) => {
      await using client = createClient({ service: 'user-service', source: fixed(origins) })
      return (await client.request(PATH)).body.json()
    }),
    'first request of undici': first(async ([origin = '']) => {
      const dispatcher = new Agent()
      const answer = await (await request(origin + PATH, { dispatcher })).body.json()
      await dispatcher.close()
      return answer
    }),
  },
  comparisons: [
    {
      name: 'import, CPU',
      subject: 'import outrigger',
      base: 'import undici',
      measure: 'ms',
      unit: 'ms',
      target: 1.1,
    },
    {
      name: 'resident memory after import',
      subject: 'import outrigger',
      base: 'import undici',
      measure: 'MB',
      unit: 'MB',
    },
    {
      name: 'createClient to first answer',
      subject: 'first request of outrigger',
      base: 'first request of undici',
      measure: 'ms',
      unit: 'ms',
    },
  ],
}
