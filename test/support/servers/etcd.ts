import { rm } from 'node:fs/promises'
import { join } from 'node:path'

import { freePort } from './ports.ts'
import { controls, ServerProcess } from './process.ts'
import type { TestServer } from './process.ts'

export interface EtcdOptions {
  /** `https` when `args` set up TLS for clients. @default 'http' */
  readonly scheme?: 'http' | 'https'
  /** More flags, `['--cert-file=server.crt']`. */
  readonly args?: readonly string[]
}

/** One etcd, tuned to start and elect quickly. */
export async function startEtcd({ scheme = 'http', args = [] }: EtcdOptions = {}): Promise<TestServer> {
  const [port, peerPort, healthPort] = [await freePort(), await freePort(), await freePort()]
  const url = `${scheme}://127.0.0.1:${port}`
  const peers = `http://127.0.0.1:${peerPort}`
  const health = `http://127.0.0.1:${healthPort}`
  const data = (folder: string): string => join(folder, 'data')

  const server = await ServerProcess.start({
    program: 'etcd',
    args: (folder) => [
      `--data-dir=${data(folder)}`,
      `--listen-client-urls=${url}`,
      `--advertise-client-urls=${url}`,
      `--listen-peer-urls=${peers}`,
      `--initial-advertise-peer-urls=${peers}`,
      `--initial-cluster=default=${peers}`,
      `--listen-metrics-urls=${health}`,
      '--unsafe-no-fsync',
      '--heartbeat-interval=10',
      '--election-timeout=100',
      ...args,
    ],
    // Its own listener, without TLS and passwords whatever the clients need; healthy means a leader is elected.
    ready: async () => (await fetch(`${health}/health`)).ok,
  })
  return {
    url,
    port,
    env: { ETCDCTL_API: '3', ETCDCTL_ENDPOINTS: url },
    ...controls(server, (folder) => rm(data(folder), { recursive: true, force: true })),
  }
}
