import { checkObject, quote } from '../../options.ts'
import { redactUrl } from '../origin.ts'

/** A registry's url without its trailing slash; credentials have options of their own and are refused here. */
export function checkRegistryUrl(name: string, value: unknown): string {
  if (typeof value !== 'string') throw new TypeError(`${name} must be a string, got ${quote(value)}`)
  const url = URL.parse(value)
  const http = url?.protocol === 'http:' || url?.protocol === 'https:'
  if (!url || !http || url.username || url.password || url.search || url.hash) {
    const rule = 'an http or https url without credentials, query and fragment'
    throw new TypeError(`${name} must be ${rule}, got ${quote(redactUrl(value))}`)
  }
  return url.href.replace(/\/+$/, '')
}

export function checkTls(value: unknown): void {
  const keys = ['ca', 'cert', 'key', 'passphrase', 'pfx', 'rejectUnauthorized', 'servername']
  checkObject('tls', value, keys)
}

/** A string that must not be quoted in an error. */
export function checkSecret(name: string, value: unknown): void {
  if (typeof value !== 'string' || value === '')
    throw new TypeError(`${name} must be a string that is not empty`)
}

export function checkService(service: unknown): void {
  if (typeof service !== 'string' || service === '' || service.includes('/')) {
    throw new TypeError(`service must be a string without a slash that is not empty, got ${quote(service)}`)
  }
}
