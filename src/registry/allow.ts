import { BlockList, isIP } from 'node:net'
import { checkObject, quote } from '../options.ts'
import { checkText } from './text.ts'

/** Which instances a registry may send calls to. */
export interface AllowOptions {
  /**
   * `'unix'` is a socket of this machine.
   * @default ['http', 'https']
   */
  schemes?: readonly ('http' | 'https' | 'unix')[]
  /**
   * Addresses and networks, `'10.0.0.0/8'`, `'fd00::/8'`, `'127.0.0.1'`, in which an instance's address must lie. Host
   * names are then refused too, unless `names` lists them.
   * @default any
   */
  addresses?: readonly string[]
  /** Host names: `'api.internal'`, or `'.internal'` for all that end so. @default any, or none beside `addresses` */
  names?: readonly string[]
  /** Allows link-local addresses and those where clouds answer with a machine's credentials. @default false */
  metadata?: boolean
}

/** Link-local networks, and the addresses at which clouds hand out credentials to whoever asks. */
const METADATA_ADDRESSES = [
  '169.254.0.0/16',
  'fe80::/10',
  'fd00:ec2::254',
  'fd20:ce::254',
  '100.100.100.200',
  '168.63.129.16',
  '192.0.0.192',
  // The same through NAT64.
  '64:ff9b::a9fe:0/112',
]
const METADATA_NAMES = ['metadata.google.internal', 'metadata.goog', 'metadata', 'instance-data']

const SCHEMES: readonly string[] = ['http', 'https', 'unix']

/** Throws for an instance's url, which is canonical, that calls must not go to. */
export type Allow = (url: string) => void

/** Checks the options, once. Without any, link-local and metadata addresses and unix sockets are refused. */
export function allowPolicy(options: AllowOptions = {}): Allow {
  checkObject('allow', options, ['schemes', 'addresses', 'names', 'metadata'])
  const { schemes = ['http', 'https'], addresses, names, metadata = false } = options
  for (const scheme of list('allow.schemes', schemes)) {
    if (!SCHEMES.includes(scheme))
      throw new TypeError(`allow.schemes must be of ${SCHEMES.join(', ')}, got ${quote(scheme)}`)
  }
  if (typeof metadata !== 'boolean')
    throw new TypeError(`allow.metadata must be true or false, got ${quote(metadata)}`)
  const within = addresses && networks('allow.addresses', addresses)
  const known = names && list('allow.names', names).map((name) => name.toLowerCase())
  const refused = networks('metadata', METADATA_ADDRESSES)
  return (url) => {
    const scheme = url.slice(0, url.indexOf(':'))
    if (!schemes.includes(scheme as 'http')) throw new TypeError(`${scheme}: is not allowed (allow.schemes)`)
    if (scheme === 'unix') return
    // Canonical: an IPv4 address in hexadecimal or octal has become a plain one by now.
    const host = new URL(url).hostname.replaceAll(/[[\]]/g, '')
    const kind = isIP(host)
    if (kind === 0) {
      const name = host.endsWith('.') ? host.slice(0, -1) : host
      if (!metadata && matches(METADATA_NAMES, name))
        throw new TypeError(`${host} is a metadata server (allow.metadata)`)
      if (known ? !matches(known, name) : within) throw new TypeError(`${host} is not allowed (allow.names)`)
      return
    }
    const family = kind === 6 ? 'ipv6' : 'ipv4'
    if (!metadata && refused.check(host, family)) {
      throw new TypeError(`${host} is a link-local or metadata address (allow.metadata)`)
    }
    if (within && !within.check(host, family)) throw new TypeError(`${host} is not allowed (allow.addresses)`)
  }
}

function matches(names: readonly string[], host: string): boolean {
  return names.some((name) => (name.startsWith('.') ? host.endsWith(name) : host === name))
}

function networks(name: string, entries: readonly string[]): BlockList {
  const block = new BlockList()
  for (const entry of list(name, entries)) {
    const [address = '', prefix] = entry.split('/')
    const kind = isIP(address)
    const most = kind === 6 ? 128 : 32
    const bits = prefix === undefined ? most : /^\d{1,3}$/.test(prefix) ? Number(prefix) : Number.NaN
    if (kind === 0 || !(bits <= most) || entry.split('/').length > 2) {
      throw new TypeError(
        `${name} must hold addresses and networks such as '10.0.0.0/8', got ${quote(entry)}`,
      )
    }
    block.addSubnet(address, bits, kind === 6 ? 'ipv6' : 'ipv4')
  }
  return block
}

function list<T extends string>(name: string, value: readonly T[]): readonly T[] {
  if (!Array.isArray(value)) throw new TypeError(`${name} must be an array, got ${quote(value)}`)
  for (const [index, entry] of value.entries()) checkText(`${name}[${index}]`, entry)
  return value
}
