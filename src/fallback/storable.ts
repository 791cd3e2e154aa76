import type { RequestKeys } from './key.ts'

/** RFC 9111 §4.2.4: answers with one of these must not be served stale. */
const FORBIDDEN: readonly string[] = ['no-store', 'no-cache', 'must-revalidate', 'proxy-revalidate']

/** For how many ms an answer may be served when the service fails; 0 is never. */
export function usableFor(response: Response, keys: RequestKeys, maxAge: number): number {
  const { status, headers } = response
  if (status !== 200 || headers.has('set-cookie') || !keys.covers(headers.get('vary'))) return 0
  const directives = parse(headers.get('cache-control'))
  if (FORBIDDEN.some((name) => directives.has(name))) return 0
  // RFC 5861 §4: how long the service itself finds acceptable.
  const seconds = Number(directives.get('stale-if-error') ?? Infinity)
  return Number.isNaN(seconds) ? maxAge : Math.min(maxAge, seconds * 1000)
}

/** `name[=value]`, separated by commas; quoted values hold none that matter here. */
function parse(header: string | null): Map<string, string> {
  const directives = new Map<string, string>()
  for (const directive of header?.split(',') ?? []) {
    const [name = '', value = ''] = directive.split('=', 2)
    directives.set(name.trim().toLowerCase(), value.trim().replaceAll('"', ''))
  }
  return directives
}
