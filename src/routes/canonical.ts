const SLASH = 0x2f
const DOT = 0x2e
const QUESTION = 0x3f
const HASH = 0x23

/** 1 for RFC 3986's pchar (without '%' and '.') and '/': characters with one spelling only. */
const PLAIN: Uint8Array = Uint8Array.from({ length: 0x80 }, (_, code) =>
  /[\w~!$&'()*+,;=:@/-]/.test(String.fromCharCode(code)) ? 1 : 0,
)

/**
 * Where the path of an already canonical `path?query#fragment` ends, or -1 when it has to be rewritten. The first
 * `known` characters, whole segments, are canonical for sure.
 */
export function plainEnd(path: string, known = 0): number {
  if (path.charCodeAt(0) !== SLASH) return -1
  for (let index = Math.max(known, 1); index < path.length; index++) {
    const code = path.charCodeAt(index)
    if (PLAIN[code] === 1) continue
    if (code === DOT && path.charCodeAt(index - 1) !== SLASH) continue
    return code === QUESTION || code === HASH ? index : -1
  }
  return path.length
}

/**
 * The one spelling of a request path: resolved by the URL parser (dot segments, also percent-encoded ones,
 * backslashes, tabs and line breaks), then RFC 3986 §6.2.2: unreserved octets decoded, hex digits in upper case.
 * `%2F` stays as it is, data within a segment.
 */
export function canonicalPath(path: string): string {
  const end = plainEnd(path)
  if (end >= 0) return path.slice(0, end)
  // A fixed authority in front: a path that starts with '//' must not become a host.
  const { pathname } = new URL(`http://h${/^[/\\]/.test(path) ? '' : '/'}${path}`)
  return pathname.replaceAll(/%[\da-f]{2}|[^\w~!$&'()*+,;=:@/.-]/gi, canonicalOctet)
}

function canonicalOctet(text: string): string {
  // The URL parser leaves what no path may hold as it is: '|', '[', and a '%' that begins no escape.
  if (text.length === 1) return `%${text.charCodeAt(0).toString(16).padStart(2, '0').toUpperCase()}`
  const char = String.fromCharCode(Number.parseInt(text.slice(1), 16))
  return /[\w.~-]/.test(char) ? char : text.toUpperCase()
}
