import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { quote } from '../../options.ts'
import { parser } from '../file/content.ts'
import type { TlsOptions } from '../http/connector.ts'
import { checkRegistryUrl } from '../http/options.ts'
import { isPlainObject } from '../plain-data.ts'

type Json = Readonly<Record<string, unknown>>

export interface KubeContext {
  readonly server: string
  readonly namespace: string | undefined
  readonly token: string | undefined
  readonly tokenFile: string | undefined
  readonly tls: TlsOptions
}

/** Authentication methods that need another program, or that are obsolete. */
const UNSUPPORTED = ['exec', 'auth-provider', 'username']

/** Reads one context of a kubeconfig file in YAML or JSON. Without a name, reads the current context. */
export async function readKubeconfig(path: string, context: string | undefined): Promise<KubeContext> {
  const text = (await readFile(path, 'utf8')).replace(/^\uFEFF/, '')
  const parse = await parser(text.trimStart().startsWith('{') ? 'json' : 'yaml')
  const config: unknown = parse(text)
  if (!isPlainObject(config)) throw fault(path, 'is not a kubeconfig file')
  const name = context ?? config['current-context']
  if (typeof name !== 'string' || name === '')
    throw fault(path, 'has no current-context: name one by the option context')
  const { cluster: clusterName, user: userName, namespace } = find(path, config, 'context', name)
  const cluster = find(path, config, 'cluster', clusterName)
  const user = userName === undefined ? {} : find(path, config, 'user', userName)
  for (const key of UNSUPPORTED) {
    if (key in user)
      throw fault(path, `authenticates user ${quote(userName)} by ${key}, which is not supported: set token`)
  }
  const folder = dirname(resolve(path))
  const tokenFile = textOf(user['tokenFile'])
  return {
    server: checkRegistryUrl('server', cluster['server']),
    namespace: textOf(namespace),
    token: textOf(user['token']),
    tokenFile: tokenFile === undefined ? undefined : resolve(folder, tokenFile),
    tls: {
      ...(await pem(folder, 'ca', cluster, 'certificate-authority')),
      ...(await pem(folder, 'cert', user, 'client-certificate')),
      ...(await pem(folder, 'key', user, 'client-key')),
      ...(cluster['insecure-skip-tls-verify'] === true && { rejectUnauthorized: false }),
      ...(typeof cluster['tls-server-name'] === 'string' && { servername: cluster['tls-server-name'] }),
    },
  }
}

/** Finds an entry in a list of named entries: `clusters: [{ name, cluster: {…} }]`. */
function find(path: string, config: Json, kind: string, name: unknown): Json {
  const list = config[`${kind}s`]
  const entry = Array.isArray(list)
    ? (list as Json[]).find((each) => each?.['name'] === name)?.[kind]
    : undefined
  if (isPlainObject(entry)) return entry
  throw fault(path, `has no ${kind} ${quote(name)}`)
}

/** Reads a certificate or key, which the file contains as base64 or refers to by a path. */
async function pem(
  folder: string,
  option: 'ca' | 'cert' | 'key',
  entry: Json,
  key: string,
): Promise<TlsOptions> {
  const data = textOf(entry[`${key}-data`])
  const file = textOf(entry[key])
  if (data !== undefined) return { [option]: Buffer.from(data, 'base64') }
  return file === undefined ? {} : { [option]: await readFile(resolve(folder, file)) }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

function fault(path: string, what: string): Error {
  return new Error(`kubernetes: ${path} ${what}`)
}
