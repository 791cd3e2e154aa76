import { generateKeyPairSync } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { request } from 'node:https'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { runTool } from './binaries.ts'
import { startEtcd } from './etcd.ts'
import { freePort } from './ports.ts'
import { controls, ServerProcess } from './process.ts'
import type { TestServer } from './process.ts'

/** In its folder there are also `client.crt` and `client.key` of an administrator. */
export interface KubernetesServer extends TestServer {
  /** The server's certificate authority, PEM. */
  readonly ca: string
  /**
   * Bearer tokens: `admin` may do everything, `app` is the service account `app` of the namespace `default`,
   * which may do nothing until a role is bound to it.
   */
  readonly tokens: { readonly admin: string; readonly app: string }
  /** The API as the administrator; rejects when the answer is an error. */
  api(method: string, path: string, body?: unknown): Promise<unknown>
}

const tokens = { admin: 'admin-token', app: 'app-token' }

/** One Kubernetes API server with an etcd of its own; no controllers, no nodes. */
export async function startKubernetes(): Promise<KubernetesServer> {
  const [etcd, port] = await Promise.all([startEtcd(), freePort()])
  const url = `https://127.0.0.1:${port}`
  let ca = ''
  const api: KubernetesServer['api'] = (method, path, body) => call(method, `${url}${path}`, ca, body)

  const server = await ServerProcess.start({
    program: 'kube-apiserver',
    prepare: (folder) => prepare(folder, url),
    // They run in the server's folder, where `prepare` has put the files.
    args: (folder) => [
      `--etcd-servers=${etcd.url}`,
      `--secure-port=${port}`,
      '--bind-address=127.0.0.1',
      '--advertise-address=127.0.0.1',
      `--cert-dir=${folder}`,
      '--client-ca-file=ca.crt',
      '--token-auth-file=tokens.csv',
      '--authorization-mode=RBAC',
      '--service-account-issuer=https://kubernetes.default.svc',
      '--service-account-key-file=sa.pub',
      '--service-account-signing-key-file=sa.key',
      '--service-cluster-ip-range=10.96.0.0/16',
      '--disable-admission-plugins=ServiceAccount',
      '--runtime-config=discovery.k8s.io/v1beta1=false',
    ],
    ready: async (folder) => {
      ca = await readFile(join(folder, 'apiserver.crt'), 'utf8')
      await api('GET', '/readyz')
      return true
    },
  }).catch(async (error: unknown) => {
    await etcd.close()
    throw error
  })
  const kubeconfig = join(server.folder, 'kubeconfig')
  const common = controls(server, () => etcd.restart({ keepData: false }))
  const close = async (): Promise<void> => {
    await common.close()
    await etcd.close()
  }
  try {
    await serveEndpointSlices(api)
  } catch (error) {
    await close()
    throw error
  }
  return {
    ...common,
    url,
    port,
    ca,
    tokens,
    api,
    env: { KUBECONFIG: kubeconfig },
    restart: async (options) => {
      await common.restart(options)
      await serveEndpointSlices(api)
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

async function prepare(folder: string, url: string): Promise<void> {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const kubeconfig = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'test',
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'admin' } }],
    clusters: [{ name: 'test', cluster: { server: url, 'certificate-authority': 'apiserver.crt' } }],
    users: [{ name: 'admin', user: { token: tokens.admin } }],
  }
  const users = [
    `${tokens.admin},admin,1,system:masters`,
    `${tokens.app},system:serviceaccount:default:app,2,"system:serviceaccounts,system:serviceaccounts:default"`,
  ]
  const files = {
    'sa.key': privateKey.export({ type: 'pkcs1', format: 'pem' }),
    'sa.pub': publicKey.export({ type: 'spki', format: 'pem' }),
    'tokens.csv': users.join('\n'),
    kubeconfig: JSON.stringify(kubeconfig),
  }
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content)
  await makeCertificates(folder)
}

/** A client certificate of an administrator, and the authority that the server trusts for it. */
async function makeCertificates(folder: string): Promise<void> {
  const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  const openssl = (...args: string[]): Promise<string> => runTool('openssl', args, { cwd: folder })
  await openssl(
    'req',
    '-x509',
    ...ec,
    '-days',
    '2',
    '-subj',
    '/CN=clients',
    '-keyout',
    'ca.key',
    '-out',
    'ca.crt',
  )
  await openssl(
    'req',
    ...ec,
    '-subj',
    '/O=system:masters/CN=admin',
    '-keyout',
    'client.key',
    '-out',
    'client.csr',
  )
  const issue = ['-in', 'client.csr', '-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2']
  await openssl('x509', '-req', ...issue, '-out', 'client.crt')
}

/** Servers before 1.21 have only v1beta1 of EndpointSlice: there, a custom resource stands in for v1. */
async function serveEndpointSlices(api: KubernetesServer['api']): Promise<void> {
  const deadline = performance.now() + 30_000
  const resource = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices'
  for (;;) {
    try {
      await api('GET', resource)
      return
    } catch (error) {
      if (performance.now() > deadline) throw error
    }
    await api('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', definition).catch(() => {})
    await sleep(20)
  }
}

const definition = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: {
    name: 'endpointslices.discovery.k8s.io',
    annotations: { 'api-approved.kubernetes.io': 'unapproved, for tests only' },
  },
  spec: {
    group: 'discovery.k8s.io',
    scope: 'Namespaced',
    names: {
      kind: 'EndpointSlice',
      listKind: 'EndpointSliceList',
      plural: 'endpointslices',
      singular: 'endpointslice',
    },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      },
    ],
  },
}

function call(method: string, url: string, ca: string, body: unknown): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${tokens.admin}`, 'content-type': 'application/json' }
    const outgoing = request(url, { method, ca, headers, agent: false }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        text += chunk
      })
      response.on('error', reject)
      response.on('end', () => {
        const { statusCode = 0 } = response
        if (statusCode >= 300) reject(new Error(`${method} ${url}: ${statusCode}: ${text}`))
        else resolve(text.startsWith('{') ? JSON.parse(text) : text)
      })
    })
    outgoing.on('error', reject)
    outgoing.end(body === undefined ? undefined : JSON.stringify(body))
  })
}
