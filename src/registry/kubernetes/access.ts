import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { TlsOptions } from '../http/connector.ts'

/** Where Kubernetes mounts the service account of a pod. */
const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount'

/** Where the API server is and who we are. */
export interface Access {
  readonly server: string
  readonly namespace: string | undefined
  readonly token: string | undefined
  readonly tokenFile: string | undefined
  readonly tls: TlsOptions | undefined
  /** Holds `ca.crt` and `namespace`, unless they are given. */
  readonly folder: string | undefined
}

/** What is not given is taken from the pod this process runs in. */
export function accessOf(given: {
  readonly server?: string
  readonly namespace?: string
  readonly token?: string
  readonly tokenFile?: string
  readonly tls?: TlsOptions
}): Access {
  const { server, namespace, token, tokenFile, tls } = given
  const inPod = server === undefined
  const folder = tokenFile === undefined ? (inPod ? SERVICE_ACCOUNT : undefined) : dirname(tokenFile)
  return {
    server: server ?? serverOfPod(),
    namespace,
    token,
    tokenFile: tokenFile ?? (inPod && token === undefined ? join(SERVICE_ACCOUNT, 'token') : undefined),
    tls: tls && { ...tls },
    folder,
  }
}

function serverOfPod(): string {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port = '443' } = process.env
  if (!host) throw new TypeError('server must be given outside of a pod (KUBERNETES_SERVICE_HOST is not set)')
  return `https://${host.includes(':') ? `[${host}]` : host}:${port}`
}

/** Read at each use, as Kubernetes replaces the file about once an hour. */
export async function currentToken({ token, tokenFile }: Access): Promise<string | undefined> {
  return tokenFile === undefined ? token : (await readFile(tokenFile, 'utf8')).trim()
}

export async function namespaceOf({ namespace, folder }: Access): Promise<string> {
  return namespace ?? (await readIn(folder, 'namespace'))?.trim() ?? 'default'
}

export async function tlsOf({ tls, folder }: Access): Promise<TlsOptions> {
  const ca = tls?.ca ?? (await readIn(folder, 'ca.crt'))
  return { ...tls, ...(ca !== undefined && { ca }) }
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
