import { quote } from '../options.ts'

/** Returns the canonical origin of an instance's url. Throws when the url is not exactly an origin. */
export function toOrigin(value: unknown): string {
  if (typeof value !== 'string') throw new TypeError(`url must be a string, got ${quote(value)}`)
  return /^unix:/i.test(value) ? toSocket(value) : parseOrigin(value).origin
}

/** The path of a unix socket's url, or undefined for any other origin. */
export function socketPath(origin: string): string | undefined {
  return origin.startsWith('unix:') ? origin.slice('unix:'.length) : undefined
}

/** For registries that can only store host and port. */
export function networkUrl(origin: string): URL {
  if (socketPath(origin) === undefined) return new URL(origin)
  throw new TypeError(`${origin} is a unix socket, which this registry cannot announce`)
}

/** Host and port. A default port is included: `10.0.0.7:80`. For a unix socket, its path. */
export function hostAndPort(origin: string): string {
  const path = socketPath(origin)
  if (path !== undefined) return path
  const { hostname, port, protocol } = new URL(origin)
  return `${hostname}:${port || (protocol === 'https:' ? '443' : '80')}`
}

/**
 * The url without user, password, query and fragment, which may be secrets. Takes time in proportion to its
 * length.
 */
export function redactUrl(value: string): string {
  const cut = value.search(/[?#]/)
  const base = cut < 0 ? value : value.slice(0, cut)
  const at = base.lastIndexOf('@')
  if (at < 0) return base
  let start = /^[a-z][a-z\d+.-]*:/i.exec(base)?.[0].length ?? 0
  if (start > 0) while (base[start] === '/') start++
  return `${base.slice(0, Math.min(start, at))}***@${base.slice(at + 1)}`
}

/** The text, with {@link redactUrl} applied to each url in it. Keeps the punctuation that follows a url in a sentence. */
export function redactUrls(text: string): string {
  return text.replaceAll(/\b[a-z][a-z\d+.-]{0,20}:\/\/[^\s"'<>]+/gi, (url) => {
    const [mark = ''] = /[:;,.)]$/.exec(url) ?? []
    const redacted = redactUrl(url)
    return redacted.endsWith(mark) ? redacted : redacted + mark
  })
}

function parseOrigin(value: string): URL {
  // URL.parse() drops line breaks and tabs silently, so the result may be another host than the user meant.
  if (/[\0-\x20\x7f]/.test(value)) throw refusal('hold no spaces and no control characters', value)
  const url = URL.parse(value)
  if (url === null) throw refusal('be an absolute http or https url', value)
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw refusal('be http or https', value)
  if (url.username !== '' || url.password !== '') throw refusal('not carry credentials', value)
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '') {
    throw refusal('be an origin without path, query or fragment', value)
  }
  if (url.port === '0') throw refusal('not have port 0', value)
  return url
}

/** Accepts `unix:/run/app.sock` and `unix:///run/app.sock`. The path is taken as it is, without unescaping. */
function toSocket(value: string): string {
  const path = value.slice('unix:'.length).replace(/^\/\/(?=\/)/, '')
  if (!/^\/[^/]/.test(path) || path.includes('\0')) throw refusal('name a socket by its absolute path', value)
  return `unix:${path}`
}

function refusal(rule: string, value: string): TypeError {
  return new TypeError(`url must ${rule}, got ${quote(redactUrl(value))}`)
}
