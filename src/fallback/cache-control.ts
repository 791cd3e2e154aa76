export type Directives = ReadonlyMap<string, string>

/**
 * The directives of a Cache-Control header, the first of each name (RFC 9111 §4.2.1). A comma inside a quoted value
 * splits it; what that makes up can only forbid more.
 */
export function directivesOf(headers: Headers): Directives {
  const directives = new Map<string, string>()
  for (const directive of headers.get('cache-control')?.split(',') ?? []) {
    const [name = '', value = ''] = directive.split('=', 2)
    const key = name.trim().toLowerCase()
    if (!directives.has(key)) directives.set(key, value.trim().replaceAll('"', ''))
  }
  return directives
}

/** The seconds that a directive gives: `missing` without it, 0 when it is not a number (RFC 9111 §4.2.1). */
export function secondsOf(directives: Directives, name: string, missing: number): number {
  const value = directives.get(name)
  if (value === undefined) return missing
  return /^\d+$/.test(value) ? Number(value) : 0
}
