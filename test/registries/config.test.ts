import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { configurable } from '../../src/client/configurable.ts'
import {
  consulConfig,
  etcdConfig,
  kubernetesConfig,
  watchConfig,
  type ConfigSource,
} from '../../src/config.ts'
import { createClient, fixed } from '../../src/index.ts'
import {
  startConsul,
  startEtcd,
  startKubernetes,
  type ConsulServer,
  type KubernetesServer,
  type TestServer,
} from '../support/servers/index.ts'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

let etcd: TestServer
let consul: ConsulServer
let cluster: KubernetesServer
beforeAll(async () => {
  etcd = await startEtcd()
  consul = await startConsul()
  cluster = await startKubernetes()
})
afterAll(async () => {
  await etcd.close()
  await consul.close()
  await cluster.close()
})

const base64 = (text: string): string => Buffer.from(text).toString('base64')
const MAPS = '/api/v1/namespaces/default/configmaps'
const map = (text: string): object => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'users' },
  data: { 'outrigger.json': text },
})

const places: Record<
  string,
  {
    source: () => ConfigSource
    put: (text: string, isNew: boolean) => Promise<unknown>
    drop: () => Promise<unknown>
  }
> = {
  'a key of etcd': {
    source: () => etcdConfig({ endpoints: etcd.url, key: '/config/users', timeout: 2_000 }),
    put: (text) =>
      fetch(`${etcd.url}/v3/kv/put`, {
        method: 'POST',
        body: JSON.stringify({ key: base64('/config/users'), value: base64(text) }),
      }),
    drop: () =>
      fetch(`${etcd.url}/v3/kv/deleterange`, {
        method: 'POST',
        body: JSON.stringify({ key: base64('/config/users') }),
      }),
  },
  'a key of Consul': {
    source: () => consulConfig({ url: consul.url, key: 'config/users of ours', timeout: 2_000 }),
    put: (text) => fetch(`${consul.url}/v1/kv/config/users%20of%20ours`, { method: 'PUT', body: text }),
    drop: () => fetch(`${consul.url}/v1/kv/config/users%20of%20ours`, { method: 'DELETE' }),
  },
  'a ConfigMap': {
    source: () =>
      kubernetesConfig({
        name: 'users',
        server: cluster.url,
        token: cluster.tokens.admin,
        tls: { ca: cluster.ca },
        timeout: 2_000,
        rotateAfter: 2_000,
      }),
    put: (text, isNew) =>
      isNew ? cluster.api('POST', MAPS, map(text)) : cluster.api('PUT', `${MAPS}/users`, map(text)),
    drop: () => cluster.api('DELETE', `${MAPS}/users`),
  },
}

describe.each(Object.entries(places))('a document in %s', (_name, { source, put, drop }) => {
  it('is awaited, applied, refused, followed, and outlives its deletion', async () => {
    await using users = createClient({ service: 'user-service', source: fixed(['http://127.0.0.1:9']) })
    const onRefused = vi.fn<(error: Error) => void>()
    const onFailed = vi.fn<(error: unknown) => void>()
    const backoff = { initial: 50, max: 200 }
    await using config = watchConfig(users, source(), { onRefused, onFailed, backoff })
    const becomes = (timeout: number): Promise<void> =>
      vi.waitFor(() => expect(users[configurable].options()['timeout']).toBe(timeout), 20_000)
    expect(await config.first).toBe('failed')
    expect(String(onFailed.mock.calls[0]?.[0])).toContain('there is no')
    await put('{ "timeout": 100 }', true)
    await becomes(100)
    await put('{ "timeout": 200 }', false)
    await becomes(200)
    await put('{ "timeout": "soon" }', false)
    await vi.waitFor(() => expect(onRefused).toHaveBeenCalledOnce(), 20_000)
    await drop()
    await vi.waitFor(() => expect(onFailed).toHaveBeenCalledTimes(2), 40_000)
    expect(users[configurable].options()['timeout']).toBe(200)
    await put('{ "timeout": 300, "retry": false }', true)
    await becomes(300)
  })
})

it('a document is followed through a restart of etcd', async () => {
  const { source, put } = places['a key of etcd'] as (typeof places)[string]
  await put('{ "timeout": 100 }', true)
  await using users = createClient({ service: 'user-service', source: fixed(['http://127.0.0.1:9']) })
  const backoff = { initial: 50, max: 200 }
  await using config = watchConfig(users, source(), { onFailed: () => {}, backoff })
  expect(await config.first).toBe('applied')
  await etcd.kill()
  await etcd.restart({ keepData: true })
  await put('{ "timeout": 700 }', false)
  await vi.waitFor(() => expect(users[configurable].options()['timeout']).toBe(700), 20_000)
})
