import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { setTimeout as sleep } from 'node:timers/promises'

const RULES = fileURLToPath(new URL('../../examples/prometheus/rules.yml', import.meta.url))
/** In milliseconds: the time within which an expected result must appear. */
const PATIENCE = 60_000

/** One element of an instant vector. */
export interface Sample {
  readonly metric: Readonly<Record<string, string>>
  readonly value: number
}

/** A Prometheus server that scrapes one target five times per second. */
export interface PrometheusServer extends AsyncDisposable {
  get(path: string): Promise<unknown>
  query(expression: string): Promise<Sample[]>
  /** Waits until an expression has the wanted result. */
  until(expression: string, wanted: (samples: readonly Sample[]) => boolean): Promise<Sample[]>
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

export async function startPrometheus(target: string): Promise<PrometheusServer> {
  const folder = await mkdtemp(join(tmpdir(), 'outrigger-prometheus-'))
  const port = await freePort()
  const config = {
    global: { scrape_interval: '200ms', scrape_timeout: '200ms', evaluation_interval: '200ms' },
    rule_files: [RULES],
    scrape_configs: [{ job_name: 'app', static_configs: [{ targets: [target] }] }],
  }
  // JSON is valid YAML.
  await writeFile(join(folder, 'prometheus.yml'), JSON.stringify(config))
  const args = [
    `--config.file=${join(folder, 'prometheus.yml')}`,
    `--storage.tsdb.path=${join(folder, 'data')}`,
    `--web.listen-address=127.0.0.1:${port}`,
    '--log.level=warn',
  ]
  const child = spawn('prometheus', args, { stdio: ['ignore', 'inherit', 'inherit'] })
  const exited = once(child, 'exit')
  const get = async (path: string): Promise<unknown> => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`)
    const body = (await response.json()) as { status: string; data: unknown }
    if (body.status !== 'success') throw new Error(`${path}: ${JSON.stringify(body)}`)
    return body.data
  }
  const query = async (expression: string): Promise<Sample[]> => {
    const data = await get(`/api/v1/query?query=${encodeURIComponent(expression)}`)
    const { result } = data as { result: { metric: Record<string, string>; value: [number, string] }[] }
    return result.map(({ metric, value: [, value] }) => ({ metric, value: Number(value) }))
  }
  const until: PrometheusServer['until'] = async (expression, wanted) => {
    const end = performance.now() + PATIENCE
    for (;;) {
      const samples = await query(expression)
      if (wanted(samples)) return samples
      if (performance.now() > end) throw new Error(`${expression} gives ${JSON.stringify(samples)}`)
      await sleep(100)
    }
  }
  const end = performance.now() + PATIENCE
  while (!(await fetch(`http://127.0.0.1:${port}/-/ready`).catch(() => undefined))?.ok) {
    if (child.exitCode !== null) throw new Error(`prometheus ended with ${child.exitCode}`)
    if (performance.now() > end) throw new Error('prometheus did not become ready')
    await sleep(100)
  }
  return {
    get,
    query,
    until,
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM')
      await exited
      await rm(folder, { recursive: true })
    },
  }
}
