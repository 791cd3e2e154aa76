import { isPlainObject } from './plain-data.ts'
import type { Instance, InstanceInit } from './source.ts'
import { parseJson, withScheme } from './text.ts'
import { undecodable } from './undecodable.ts'

/** Reads one key. Returns undefined when the key is not an instance. */
export type Decode = (key: string, value: string) => InstanceInit | string | undefined

/**
 * Reads three formats: a JSON object with the fields of an instance; the format of etcd's Go package for gRPC
 * naming, `{"Op":0,"Addr":"10.0.0.7:8080","Metadata":…}`; a url or `host:port` as text, as go-kit and others
 * store it.
 */
export const decodeValue: Decode = (_key, value) => {
  const text = value.replace(/^\uFEFF/, '').trim()
  if (!text.startsWith('{')) return text
  const entry = parseJson(text) as InstanceInit & GoEndpoint
  if (typeof entry.Addr !== 'string' || entry.url !== undefined) return entry
  const { Addr, Metadata } = entry
  return { url: withScheme(Addr), ...(isPlainObject(Metadata) && { metadata: Metadata }) }
}

/** The format that `go.etcd.io/etcd/client/v3/naming/endpoints` writes. */
interface GoEndpoint {
  readonly Addr?: unknown
  readonly Metadata?: unknown
}

/**
 * Never throws, so one bad key does not block the others. `SnapshotReader` drops entries that could not be
 * decoded.
 */
export function decodeEntry(decode: Decode, key: string, value: string, id: string): Instance | undefined {
  try {
    const entry = decode(key, value)
    if (entry === undefined) return undefined
    if (typeof entry === 'string') return { id, url: withScheme(entry) }
    // The id in a default entry is ignored: who may write one key must not replace the instance of another key.
    // A `decode` function of the user's may set any id.
    return decode === decodeValue ? { ...entry, id } : { id, ...entry }
  } catch (error) {
    return undecodable(id, key, value, error)
  }
}
