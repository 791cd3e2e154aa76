const SLASH = 0x2f
const DOT = 0x2e
const QUESTION = 0x3f
const HASH = 0x23

/** 1 for '/' and for the pchar characters of RFC 3986 except '%' and '.'. These characters have only one spelling. */
const PLAIN: Uint8Array = Uint8Array.from({ length: 0x80 }, (_, code) =>
  /[\w~!$&'()*+,;=:@/-]/.test(String.fromCharCode(code)) ? 1 : 0,
)

/**
 * Returns the end of the path in `path?query#fragment` if the path is already canonical, or -1 if not. The caller
 * guarantees that the first `known` characters are canonical and end with a complete segment.
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
 * Returns the canonical spelling of a request path. First the URL parser resolves it: dot segments (also
 * percent-encoded), backslashes, tabs and line breaks. Then unreserved octets are decoded, and hex digits become upper
 * case (RFC 3986, section 6.2.2). `%2F` is not decoded, because it is data within a segment.
 */
export function canonicalPath(path: string): string {
  const end = plainEnd(path)
  if (end >= 0) return path.slice(0, end)
  // The fixed host prevents a path that starts with '//' from being parsed as a host.
  const { pathname } = new URL(`http://h${/^[/\\]/.test(path) ? '' : '/'}${path}`)
  return pathname.replaceAll(/%[\da-f]{2}|[^\w~!$&'()*+,;=:@/.-]/gi, canonicalOctet)
}

function canonicalOctet(text: string): string {
  // The URL parser does not encode some characters that a path must not contain: '|', '[', and a '%' without two hex
  // digits.
  if (text.length === 1) return `%${text.charCodeAt(0).toString(16).padStart(2, '0').toUpperCase()}`
  const char = String.fromCharCode(Number.parseInt(text.slice(1), 16))
  return /[\w.~-]/.test(char) ? char : text.toUpperCase()
}
