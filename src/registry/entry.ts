import { isPlainObject } from './plain-data.ts'
import type { Instance, InstanceInit } from './source.ts'
import { parseJson, withScheme } from './text.ts'
import { undecodable } from './undecodable.ts'

/** Reads one key; undefined for a key that is no instance. */
export type Decode = (key: string, value: string) => InstanceInit | string | undefined

/**
 * A JSON object with the fields of an instance; the layout of etcd's own Go package for gRPC naming,
 * `{"Op":0,"Addr":"10.0.0.7:8080","Metadata":…}`; or a bare url or `host:port` as go-kit and others store it.
 */
export const decodeValue: Decode = (_key, value) => {
  const text = value.replace(/^\uFEFF/, '').trim()
  if (!text.startsWith('{')) return text
  const entry = parseJson(text) as InstanceInit & GoEndpoint
  if (typeof entry.Addr !== 'string' || entry.url !== undefined) return entry
  const { Addr, Metadata } = entry
  return { url: withScheme(Addr), ...(isPlainObject(Metadata) && { metadata: Metadata }) }
}

/** `go.etcd.io/etcd/client/v3/naming/endpoints`. */
interface GoEndpoint {
  readonly Addr?: unknown
  readonly Metadata?: unknown
}

/** Never throws: one bad key must not freeze the list. `SnapshotReader` drops what could not be decoded. */
export function decodeEntry(decode: Decode, key: string, value: string, id: string): Instance | undefined {
  try {
    const entry = decode(key, value)
    if (entry === undefined) return undefined
    if (typeof entry === 'string') return { id, url: withScheme(entry) }
    // Whoever may write one key must not take the place of another; a function of the user's may name them as it likes.
    return decode === decodeValue ? { ...entry, id } : { id, ...entry }
  } catch (error) {
    return undecodable(id, key, value, error)
  }
}
