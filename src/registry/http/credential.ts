import { readFile } from 'node:fs/promises'
import { checkText } from '../text.ts'

/**
 * A secret, a file that contains it, or a function that returns it. File and function are read again for each
 * use, so the secret may change.
 */
export type Credential = string | { readonly file: string } | (() => string | Promise<string>)

/**
 * Returns a function that reads the current credential. No error quotes the credential. Throws if `value` is no
 * credential.
 */
export function credentialOf(name: string, value: unknown): () => Promise<string> {
  if (typeof value === 'function') return async () => checked(name, await (value as () => unknown)())
  if (typeof value === 'object' && value !== null && 'file' in value) {
    const path = checkText(`${name}.file`, value.file)
    return async () => checked(name, (await readFile(path, 'utf8')).trim())
  }
  const fixed = checked(name, value)
  return () => Promise.resolve(fixed)
}

/** Replaces the secrets to redact by `values`. Returns the first value. */
export function replaceSecrets(secrets: Set<string>, ...values: readonly [string, ...string[]]): string {
  secrets.clear()
  for (const value of values) secrets.add(value)
  return values[0]
}

function checked(name: string, value: unknown): string {
  if (typeof value === 'string' && value !== '') return value
  throw new TypeError(
    `${name} must be a string that is not empty, { file }, or a function that returns such a string`,
  )
}
