import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { credentialOf, type Credential } from '../http/credential.ts'
import type { TlsOptions } from '../http/connector.ts'
import { readKubeconfig } from './kubeconfig.ts'

/** The folder where Kubernetes mounts the service account of a pod. */
const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount'

/** How to reach the API server. Read again for each watch, because the files may change. */
export interface Access {
  readonly server: string
  readonly namespace: string
  readonly tls: TlsOptions
}

/** The options about access to the API server. */
export interface AccessOptions {
  readonly server?: string
  readonly namespace?: string
  readonly token?: Credential
  readonly tokenFile?: string
  readonly tls?: TlsOptions
  readonly kubeconfig?: string
  readonly context?: string
}

export interface ApiServer {
  access(): Promise<Access>
  /** Read before each request, because Kubernetes replaces the file about once an hour. */
  token(): Promise<string | undefined>
}

/** Settings that the options omit come from the kubeconfig file, or else from the pod of this process. */
export function apiServerOf(options: AccessOptions): ApiServer {
  const { kubeconfig, context } = options
  const own = { ...options, tls: { ...options.tls } }
  if (kubeconfig === undefined) return apiServer(podSettings(own))
  return {
    access: async () => apiServer(withOptions(await readKubeconfig(kubeconfig, context), own)).access(),
    token: async () => apiServer(withOptions(await readKubeconfig(kubeconfig, context), own)).token(),
  }
}

/** All settings, except for the contents of files. */
interface AccessSettings {
  readonly server: string
  readonly namespace?: string | undefined
  readonly token?: Credential | undefined
  readonly tokenFile?: string | undefined
  readonly tls: TlsOptions
  /** The folder of `ca.crt` and `namespace`, which are read unless the options set them. */
  readonly folder?: string | undefined
}

function withOptions(
  file: AccessSettings,
  { namespace, token, tokenFile, tls }: AccessOptions,
): AccessSettings {
  const chosen = token !== undefined || tokenFile !== undefined ? { token, tokenFile } : {}
  return { ...file, ...chosen, namespace: namespace ?? file.namespace, tls: { ...file.tls, ...tls } }
}

function podSettings({ server, namespace, token, tokenFile, tls = {} }: AccessOptions): AccessSettings {
  const folder =
    tokenFile === undefined ? (server === undefined ? SERVICE_ACCOUNT : undefined) : dirname(tokenFile)
  const ownToken = server === undefined && token === undefined ? join(SERVICE_ACCOUNT, 'token') : undefined
  return { server: server ?? serverOfPod(), namespace, token, tokenFile: tokenFile ?? ownToken, tls, folder }
}

function apiServer({ server, namespace, token, tokenFile, tls, folder }: AccessSettings): ApiServer {
  return {
    access: async () => {
      const ca = tls.ca ?? (await readIn(folder, 'ca.crt'))
      return {
        server,
        namespace: namespace ?? (await readIn(folder, 'namespace'))?.trim() ?? 'default',
        tls: { ...tls, ...(ca !== undefined && { ca }) },
      }
    },
    token: async () => {
      if (tokenFile !== undefined) return (await readFile(tokenFile, 'utf8')).trim()
      return token === undefined ? undefined : credentialOf('token', token)()
    },
  }
}

function serverOfPod(): string {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port = '443' } = process.env
  if (!host) {
    throw new TypeError(
      'server or kubeconfig must be set outside of a pod (KUBERNETES_SERVICE_HOST is not set)',
    )
  }
  return `https://${host.includes(':') ? `[${host}]` : host}:${port}`
}

async function readIn(folder: string | undefined, name: string): Promise<string | undefined> {
  if (folder === undefined) return undefined
  try {
    return await readFile(join(folder, name), 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
