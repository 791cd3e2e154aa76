export type Directives = ReadonlyMap<string, string>

/**
 * Returns the directives of a Cache-Control header. Of repeated names the first one counts (RFC 9111, section 4.2.1). A
 * comma inside a quoted value splits it. The extra directives that result can only forbid more.
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

/**
 * Returns the seconds of a directive: `missing` if it is absent, 0 if its value is not a number (RFC 9111, section
 * 4.2.1).
 */
export function secondsOf(directives: Directives, name: string, missing: number): number {
  const value = directives.get(name)
  if (value === undefined) return missing
  return /^\d+$/.test(value) ? Number(value) : 0
}
