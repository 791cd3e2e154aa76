import { isPlainObject } from './plain-data.ts'
import type { Instance } from './source.ts'
import { withScheme } from './text.ts'

/**
 * Reads a list of instances from outside: instance objects, urls, `host:port`, and groups of targets as in
 * Prometheus's file_sd and http_sd. Refuses nothing. Discovery drops bad entries one by one.
 */
export function readList(list: readonly unknown[]): readonly Instance[] {
  return list.flatMap((entry) => readEntry(entry) as Instance[])
}

function readEntry(entry: unknown): unknown[] {
  if (typeof entry === 'string') return [{ url: withScheme(entry) }]
  if (!isPlainObject(entry)) return [entry]
  const { targets, labels, url } = entry
  if (Array.isArray(targets) && url === undefined) {
    return targets.map((target: unknown) => readTarget(target, isPlainObject(labels) ? labels : {}))
  }
  return [typeof url === 'string' ? { ...entry, url: withScheme(url) } : entry]
}

/** Reads one target of a group. Prometheus marks https with the label `__scheme__`. */
function readTarget(target: unknown, { __scheme__: scheme, ...labels }: Record<string, unknown>): unknown {
  if (typeof target !== 'string') return target
  return {
    url: target.includes('://') ? target : `${scheme === 'https' ? 'https' : 'http'}://${target}`,
    ...(Object.keys(labels).length > 0 && { metadata: labels }),
  }
}
