import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { credentialOf, type Credential } from '../http/credential.ts'
import type { TlsOptions } from '../http/connector.ts'
import { readKubeconfig } from './kubeconfig.ts'

/** Where Kubernetes mounts the service account of a pod. */
const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount'

/** Where the API server is and who we are; read again for each watch, as files change. */
export interface Access {
  readonly server: string
  readonly namespace: string
  readonly tls: TlsOptions
}

/** What the options say of it. */
export interface Given {
  readonly server?: string
  readonly namespace?: string
  readonly token?: Credential
  readonly tokenFile?: string
  readonly tls?: TlsOptions
  readonly kubeconfig?: string
  readonly context?: string
}

/** The way to the API server. */
export interface Entrance {
  access(): Promise<Access>
  /** Read before each request, as Kubernetes replaces the file about once an hour. */
  token(): Promise<string | undefined>
}

/** What is not given is taken from the kubeconfig file, or else from the pod this process runs in. */
export function entranceOf(given: Given): Entrance {
  const { kubeconfig, context } = given
  const own = { ...given, tls: { ...given.tls } }
  if (kubeconfig === undefined) return entrance(inPod(own))
  return {
    access: async () => entrance(over(await readKubeconfig(kubeconfig, context), own)).access(),
    token: async () => entrance(over(await readKubeconfig(kubeconfig, context), own)).token(),
  }
}

/** Everything known, but for what is in files. */
interface Places {
  readonly server: string
  readonly namespace?: string | undefined
  readonly token?: Credential | undefined
  readonly tokenFile?: string | undefined
  readonly tls: TlsOptions
  /** Holds `ca.crt` and `namespace`, unless they are given. */
  readonly folder?: string | undefined
}

function over(file: Places, { namespace, token, tokenFile, tls }: Given): Places {
  const chosen = token !== undefined || tokenFile !== undefined ? { token, tokenFile } : {}
  return { ...file, ...chosen, namespace: namespace ?? file.namespace, tls: { ...file.tls, ...tls } }
}

function inPod({ server, namespace, token, tokenFile, tls = {} }: Given): Places {
  const folder =
    tokenFile === undefined ? (server === undefined ? SERVICE_ACCOUNT : undefined) : dirname(tokenFile)
  const ownToken = server === undefined && token === undefined ? join(SERVICE_ACCOUNT, 'token') : undefined
  return { server: server ?? serverOfPod(), namespace, token, tokenFile: tokenFile ?? ownToken, tls, folder }
}

function entrance({ server, namespace, token, tokenFile, tls, folder }: Places): Entrance {
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
      'server must be given outside of a pod, or kubeconfig (KUBERNETES_SERVICE_HOST is not set)',
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
