import type { ConnectionOptions } from 'node:tls'
import { checkObject } from '../../options.ts'

/** The TLS options of a registry. The names are those of `node:tls`. */
export type TlsOptions = Pick<
  ConnectionOptions,
  'ca' | 'cert' | 'key' | 'passphrase' | 'pfx' | 'rejectUnauthorized' | 'servername'
>

const KEYS = ['ca', 'cert', 'key', 'passphrase', 'pfx', 'rejectUnauthorized', 'servername']

export function checkTls(value: TlsOptions): TlsOptions {
  checkObject('tls', value, KEYS)
  return value
}
