import { BlockList, isIP } from 'node:net'
import { checkObject, quote } from '../options.ts'
import { checkText } from './text.ts'

/** Which instances of a registry may receive calls. */
export interface AllowOptions {
  /**
   * Which url schemes an instance may have. `'unix'` is a unix socket on this machine.
   * @default ['http', 'https']
   */
  schemes?: readonly ('http' | 'https' | 'unix')[]
  /**
   * Addresses and networks that may receive calls, such as `'10.0.0.0/8'`, `'fd00::/8'` or `'127.0.0.1'`. When
   * this is set, host names are refused unless `names` lists them.
   * @default any
   */
  addresses?: readonly string[]
  /**
   * Host names: `'api.internal'`, or `'.internal'` for all names with this ending. @default any, or none when
   * `addresses` is set
   */
  names?: readonly string[]
  /** Allows link-local addresses and the addresses where clouds serve the credentials of a machine. @default false */
  metadata?: boolean
}

/** Link-local networks, and the addresses where clouds serve credentials without authentication. */
const METADATA_ADDRESSES = [
  '169.254.0.0/16',
  'fe80::/10',
  'fd00:ec2::254',
  'fd20:ce::254',
  '100.100.100.200',
  '168.63.129.16',
  '192.0.0.192',
  // 169.254.0.0/16 through NAT64 (RFC 6052).
  '64:ff9b::a9fe:0/112',
]
const METADATA_NAMES = ['metadata.google.internal', 'metadata.goog', 'metadata', 'instance-data']

const SCHEMES: readonly string[] = ['http', 'https', 'unix']

/** Throws when calls must not go to this canonical url of an instance. */
export type Allow = (url: string) => void

/** Checks the options once. By default, link-local and metadata addresses and unix sockets are refused. */
export function allowPolicy(options: AllowOptions = {}): Allow {
  checkObject('allow', options, ['schemes', 'addresses', 'names', 'metadata'])
  const { schemes = ['http', 'https'], addresses, names, metadata = false } = options
  for (const scheme of list('allow.schemes', schemes)) {
    if (!SCHEMES.includes(scheme))
      throw new TypeError(`allow.schemes must contain only http, https and unix, got ${quote(scheme)}`)
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
    // The url is canonical: URL has already turned hexadecimal and octal IPv4 addresses into dotted decimals.
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
