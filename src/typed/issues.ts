import type { ContractIssue } from './error.ts'
import type { SchemaIssue } from './standard-schema.ts'

const MAX_ISSUES = 10
const MAX_TEXT = 200
const MAX_KEY = 50

/** Converts the first issues of a schema. `more` is the number of the others. */
export function readIssues(
  root: string,
  found: readonly SchemaIssue[],
): { issues: [ContractIssue, ...ContractIssue[]]; more: number } {
  const [first, ...others] = found.slice(0, MAX_ISSUES).map(({ message, path = [] }): ContractIssue => ({
    path: path.reduce<string>((text, segment) => text + segmentText(segment), root),
    reason: cut(message, MAX_TEXT),
  }))
  return {
    issues: [first ?? { path: root, reason: 'is rejected by its schema' }, ...others],
    more: Math.max(found.length - MAX_ISSUES, 0),
  }
}

function segmentText(segment: NonNullable<SchemaIssue['path']>[number]): string {
  const key = typeof segment === 'object' ? segment.key : segment
  if (typeof key === 'number') return `[${key}]`
  const text = cut(String(key), MAX_KEY)
  if (typeof key === 'symbol') return `[${text}]`
  return /^[\p{L}_$][\p{L}\p{N}_$]*$/u.test(text) ? `.${text}` : `[${JSON.stringify(text)}]`
}

function cut(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text
}
