import { readFile } from 'node:fs/promises'
import { checkText } from '../text.ts'

/** A secret, a file that holds it, or a function that gives it. The latter two are asked anew, so that it may change. */
export type Credential = string | { readonly file: string } | (() => string | Promise<string>)

/** What gives a credential at the moment; its errors never quote it. Throws unless it is one. */
export function credentialOf(name: string, value: unknown): () => Promise<string> {
  if (typeof value === 'function') return async () => checked(name, await (value as () => unknown)())
  if (typeof value === 'object' && value !== null && 'file' in value) {
    const path = checkText(`${name}.file`, value.file)
    return async () => checked(name, (await readFile(path, 'utf8')).trim())
  }
  const fixed = checked(name, value)
  return () => Promise.resolve(fixed)
}

/** Makes it the one secret to be blotted out. */
export function only(secrets: Set<string>, ...values: readonly [string, ...string[]]): string {
  secrets.clear()
  for (const value of values) secrets.add(value)
  return values[0]
}

function checked(name: string, value: unknown): string {
  if (typeof value === 'string' && value !== '') return value
  throw new TypeError(`${name} must be a string that is not empty, { file }, or a function that gives one`)
}
