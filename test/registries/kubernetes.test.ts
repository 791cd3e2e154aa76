import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { request } from 'node:https'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { Discovery } from '../../src/registry/discovery.ts'
import { kubernetes, type KubernetesOptions } from '../../src/registry/kubernetes.ts'
import type { Instance, Source } from '../../src/registry/source.ts'
import { sourceSuite } from '../../src/testing/source-suite.ts'
import { runTool, startKubernetes, type KubernetesServer } from '../support/servers/index.ts'
import { serve } from './fake-http.ts'

const SLICES = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices'
// The API server takes seconds to start.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

let cluster: KubernetesServer

beforeAll(async () => {
  cluster = await startKubernetes()
})
afterAll(() => cluster.close())

const source = (options: KubernetesOptions = {}): Source =>
  kubernetes({
    server: cluster.url,
    token: cluster.tokens.admin,
    tls: { ca: cluster.ca },
    timeout: 2_000,
    rotateAfter: 2_000,
    ...options,
  })

interface Slice {
  readonly metadata: { readonly name: string; readonly resourceVersion?: string }
}

function slice(service: string, n: number, instances: readonly Instance[]): Slice {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: `${service}-${n}`, labels: { 'kubernetes.io/service-name': service } },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    endpoints: instances.map(({ url, zone, draining }) => ({
      addresses: [new URL(url).hostname],
      conditions: draining ? { ready: false, serving: true, terminating: true } : { ready: true },
      zone,
    })),
  } as Slice
}

/** As the endpoint slice controller does: at most a hundred endpoints in a slice. */
async function setSlices(service: string, instances: readonly Instance[]): Promise<void> {
  const label = encodeURIComponent(`kubernetes.io/service-name=${service}`)
  const { items } = (await cluster.api('GET', `${SLICES}?labelSelector=${label}`)) as { items: Slice[] }
  const old = new Map(items.map(({ metadata }) => [metadata.name, metadata.resourceVersion]))
  for (let n = 0; n * 100 < instances.length; n++) {
    const next = slice(service, n, instances.slice(n * 100, n * 100 + 100))
    const { name } = next.metadata
    const resourceVersion = old.get(name)
    old.delete(name)
    if (resourceVersion === undefined) await cluster.api('POST', SLICES, next)
    else
      await cluster.api('PUT', `${SLICES}/${name}`, {
        ...next,
        metadata: { ...next.metadata, resourceVersion },
      })
  }
  for (const name of old.keys()) await cluster.api('DELETE', `${SLICES}/${name}`)
}

const instance = (address: string): Instance => ({ id: `${address}:8080`, url: `http://${address}:8080` })

/** A source under Discovery, closed at the end of the block. */
function discover(
  service: string,
  from: Source,
): Discovery & AsyncDisposable & { readonly stale: unknown[]; readonly snapshots: string[][] } {
  const stale: unknown[] = []
  const snapshots: string[][] = []
  const discovery = new Discovery({
    source: from,
    service,
    emptyGrace: 0,
    backoff: { initial: 50, max: 200 },
    onInstances: (instances) => snapshots.push(instances.map(({ id }) => id)),
    onStale: (error) => stale.push(error),
  })
  discovery.start()
  return Object.assign(discovery, { stale, snapshots, [Symbol.asyncDispose]: () => discovery.close() })
}

const PATIENCE = { timeout: 20_000, interval: 10 }

const idsOf = (discovery: Discovery): string[] => discovery.instances.map(({ id }) => id).toSorted()

describe('kubernetes is a source', () => {
  sourceSuite(it, {
    bound: 20_000,
    fields: ['zone', 'draining'],
    source: () => source(),
    sourceAt: (server) => kubernetes({ server, timeout: 1_000, rotateAfter: 1_000 }),
    set: setSlices,
    server: {
      kill: () => cluster.kill(),
      restart: ({ data }) => cluster.restart({ keepData: data }),
      freeze: async () => cluster.freeze(),
      thaw: async () => cluster.thaw(),
    },
  })
})

describe('kubectl writes, the source reads', () => {
  it('follows what kubectl creates, patches and deletes', async () => {
    const kubectl = (args: string[], input = ''): Promise<string> =>
      runTool('kubectl', args, { env: cluster.env, input })
    await using discovery = discover('by-kubectl', source())
    await kubectl(
      ['create', '-f', '-'],
      JSON.stringify(slice('by-kubectl', 0, [instance('10.1.0.1'), instance('10.1.0.2')])),
    )
    await expect.poll(() => idsOf(discovery), PATIENCE).toEqual(['10.1.0.1:8080', '10.1.0.2:8080'])

    const notReady = [{ op: 'replace', path: '/endpoints/0/conditions', value: { ready: false } }]
    await kubectl(['patch', 'endpointslice', 'by-kubectl-0', '--type=json', '-p', JSON.stringify(notReady)])
    await expect.poll(() => idsOf(discovery), PATIENCE).toEqual(['10.1.0.2:8080'])

    await kubectl(['delete', 'endpointslice', 'by-kubectl-0'])
    await expect.poll(() => idsOf(discovery), PATIENCE).toEqual([])
    expect(discovery.stale).toEqual([])
  })
})

describe('who may ask', () => {
  it('names the missing RBAC rule, and works once the role of the documentation is bound', async () => {
    await setSlices('guarded', [instance('10.2.0.1')])
    await using discovery = discover('guarded', source({ token: cluster.tokens.app }))
    await expect
      .poll(() => String(discovery.error), PATIENCE)
      .toMatch(/verbs \["list", "watch"\].*403.*cannot list resource/)

    const page = await readFile(new URL('../../docs/registries/kubernetes.md', import.meta.url), 'utf8')
    const [, role = ''] = /```yaml\n(.*?)```/s.exec(page) ?? []
    await runTool('kubectl', ['apply', '-f', '-'], { env: cluster.env, input: role })
    await expect.poll(() => idsOf(discovery), PATIENCE).toEqual(['10.2.0.1:8080'])
  })

  it('reads a replaced token file again, and never shows a token', async () => {
    const folder = join(cluster.folder, 'account')
    await mkdir(folder)
    await writeFile(join(folder, 'token'), 'expired-secret\n')
    await writeFile(join(folder, 'ca.crt'), cluster.ca)
    await writeFile(join(folder, 'namespace'), 'default')
    await setSlices('rotated', [instance('10.3.0.1')])
    const { url } = cluster
    const mounted = kubernetes({ server: url, tokenFile: join(folder, 'token'), rotateAfter: 1_000 })
    await using discovery = discover('rotated', mounted)
    await expect.poll(() => String(discovery.error), PATIENCE).toMatch(/401/)
    expect(inspect(discovery.error, { depth: 10 })).not.toContain('expired-secret')

    await writeFile(join(folder, 'token'), cluster.tokens.admin)
    await expect.poll(() => idsOf(discovery), PATIENCE).toEqual(['10.3.0.1:8080'])

    // Revoked while the watch runs: noticed at the latest with the next one.
    await writeFile(join(folder, 'token'), 'revoked-secret')
    await expect.poll(() => String(discovery.error), PATIENCE).toMatch(/401/)
    expect(idsOf(discovery)).toEqual(['10.3.0.1:8080'])
  })

  it('finds its cluster as a pod does', async () => {
    const folder = join(cluster.folder, 'pod')
    await mkdir(folder)
    await writeFile(join(folder, 'token'), cluster.tokens.admin)
    await writeFile(join(folder, 'ca.crt'), cluster.ca)
    await setSlices('pod', [instance('10.4.0.1')])
    process.env['KUBERNETES_SERVICE_HOST'] = '127.0.0.1'
    process.env['KUBERNETES_SERVICE_PORT'] = String(cluster.port)
    try {
      await using discovery = discover('pod', kubernetes({ tokenFile: join(folder, 'token') }))
      await expect.poll(() => idsOf(discovery), PATIENCE).toEqual(['10.4.0.1:8080'])
    } finally {
      delete process.env['KUBERNETES_SERVICE_HOST']
      delete process.env['KUBERNETES_SERVICE_PORT']
    }
  })

  it('shows a client certificate', async () => {
    const pem = (name: string): Promise<string> => readFile(join(cluster.folder, name), 'utf8')
    const tls = { ca: cluster.ca, cert: await pem('client.crt'), key: await pem('client.key') }
    await setSlices('certified', [instance('10.5.0.1')])
    await using discovery = discover('certified', kubernetes({ server: cluster.url, tls }))
    await expect.poll(() => idsOf(discovery), PATIENCE).toEqual(['10.5.0.1:8080'])
  })

  it('does not trust another certificate authority', async () => {
    await using discovery = discover(
      'distrusted',
      kubernetes({ server: cluster.url, token: cluster.tokens.admin }),
    )
    await expect.poll(() => String(discovery.error), PATIENCE).toMatch(/certificate/)
    expect(discovery.seen).toBe(false)
  })
})

describe('an expired version', () => {
  it('is answered with 410 by the server, and followed by a new list without a word', async () => {
    await setSlices('expired', [instance('10.6.0.1')])
    // The first list is made to look ancient, so that the real server refuses to watch from there.
    const ancient = {
      metadata: { resourceVersion: '1' },
      items: [slice('expired', 0, [instance('10.6.0.9')])],
    }
    let refusal = ''
    await using proxy = await serve((incoming, outgoing) => {
      if (proxy.requests.length === 1) {
        outgoing.end(JSON.stringify(ancient))
        return
      }
      const headers = { authorization: `Bearer ${cluster.tokens.admin}` }
      const upstream = request(cluster.url + incoming.url, { ca: cluster.ca, headers }, (answer) => {
        if (proxy.requests.length === 2) answer.on('data', (chunk) => (refusal += String(chunk)))
        answer.on('error', () => outgoing.destroy())
        answer.pipe(outgoing)
      })
      outgoing.on('close', () => upstream.destroy())
      upstream.on('error', () => outgoing.destroy()).end()
    })
    await using discovery = discover('expired', kubernetes({ server: proxy.url }))
    await expect.poll(() => idsOf(discovery), PATIENCE).toEqual(['10.6.0.1:8080'])
    // Not polled for: what the first list said may be gone within a few milliseconds.
    expect(discovery.snapshots[0]).toEqual(['10.6.0.9:8080'])
    expect(refusal).toMatch(/"type":"ERROR".*"code":410/)
    expect(discovery.stale).toEqual([])
  })
})
