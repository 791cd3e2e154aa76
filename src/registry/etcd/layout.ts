/** etcd expects a prefix as a range: from the prefix to the first key after all keys with this prefix. */
export function prefixRange(prefix: string): { key: string; range_end: string } {
  const end = Buffer.from(prefix)
  // The prefix ends with a slash, so the last byte does not overflow.
  end[end.length - 1] = (end.at(-1) ?? 0) + 1
  return { key: base64(prefix), range_end: end.toString('base64') }
}

export function base64(text: string): string {
  return Buffer.from(text).toString('base64')
}

export function fromBase64(text: unknown): string {
  return typeof text === 'string' ? Buffer.from(text, 'base64').toString() : ''
}
