import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { freePort } from './ports.ts'
import { controls, ServerProcess } from './process.ts'
import type { TestServer } from './process.ts'

export interface ConsulOptions {
  /** Agent configuration, `{ acl: { enabled: true } }`. */
  readonly config?: Readonly<Record<string, unknown>>
  /** Keeps its data on disk, so that `restart({ keepData: true })` works; slower to start. @default false */
  readonly persistent?: boolean
}

export interface ConsulServer extends TestServer {
  /** Port of its DNS interface, UDP and TCP. */
  readonly dnsPort: number
}

interface Acl {
  readonly default_policy?: string
  readonly tokens?: Readonly<Record<string, string>>
}

/** One Consul server agent. */
export async function startConsul({
  config = {},
  persistent = false,
}: ConsulOptions = {}): Promise<ConsulServer> {
  const [port, dnsPort, serverPort, serfPort] = [
    await freePort(),
    await freePort(),
    await freePort(),
    await freePort(),
  ]
  const url = `http://127.0.0.1:${port}`
  const settings = {
    node_name: 'test',
    bind_addr: '127.0.0.1',
    client_addr: '127.0.0.1',
    ports: {
      http: port,
      dns: dnsPort,
      server: serverPort,
      serf_lan: serfPort,
      serf_wan: -1,
      grpc: -1,
      https: -1,
    },
    // An unchanged catalogue must not be written again: tests watch the index.
    check_update_interval: '0s',
    performance: { raft_multiplier: 1 },
    disable_update_check: true,
    ...config,
  }

  const { default_policy, tokens = {} } = (config['acl'] ?? {}) as Acl
  const token = tokens['initial_management'] ?? tokens['master'] ?? tokens['agent']
  const headers: Record<string, string> = token === undefined ? {} : { 'x-consul-token': token }

  const server = await ServerProcess.start({
    program: 'consul',
    prepare: (folder) => writeFile(join(folder, 'agent.json'), JSON.stringify(settings)),
    args: (folder) => {
      const store = ['-server', '-bootstrap-expect=1', `-data-dir=${join(folder, 'data')}`]
      return ['agent', `-config-file=${join(folder, 'agent.json')}`, ...(persistent ? store : ['-dev'])]
    },
    ready: async () => {
      const leader = await fetch(`${url}/v1/status/leader`)
      if (!leader.ok || (await leader.json()) === '') return false
      // Nobody may see more than that there is a leader.
      if (default_policy === 'deny' && token === undefined) return true
      // The agent registers its own node last; without it a first registration may be refused.
      const self = await fetch(`${url}/v1/health/service/consul`, { headers })
      return self.status === 403 || (self.ok && ((await self.json()) as unknown[]).length > 0)
    },
  })
  const common = controls(server, (folder) => rm(join(folder, 'data'), { recursive: true, force: true }))
  return {
    url,
    port,
    dnsPort,
    env: { CONSUL_HTTP_ADDR: url },
    ...common,
    restart: async ({ keepData }) => {
      if (keepData && !persistent)
        throw new Error('a Consul in memory keeps no data: startConsul({ persistent: true })')
      await common.restart({ keepData })
    },
  }
}
