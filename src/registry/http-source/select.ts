import { quote } from '../../options.ts'

/** One step into a document: a member, an element, or all members or elements. */
type Step = string | number | typeof ALL

const ALL = Symbol('all')

/**
 * Compiles a subset of JSONPath (RFC 9535): `$`, `.name`, `['name']`, `[0]`, `.*` and `[*]`. The returned
 * function gives every value at the path, or an empty list if there is none.
 */
export function compileSelect(select: string): (document: unknown) => unknown[] {
  const steps = [...parse(select)]
  return (document) =>
    steps.reduce<unknown[]>((values, step) => values.flatMap((value) => take(value, step)), [document])
}

const STEP =
  /\.\*|\[\*\]|\.([A-Za-z_\u0080-\uFFFF][\w\u0080-\uFFFF-]*)|\[(\d+)\]|\['((?:[^'\\]|\\.)*)'\]|\["((?:[^"\\]|\\.)*)"\]/y

function* parse(select: string): Generator<Step, void> {
  const path = select.startsWith('$')
    ? select.slice(1)
    : select === '' || select.startsWith('[')
      ? select
      : `.${select}`
  STEP.lastIndex = 0
  while (STEP.lastIndex < path.length) {
    const at = STEP.lastIndex
    const match = STEP.exec(path)
    if (!match) {
      throw new TypeError(
        `select must be a path like '$.data[*].servers', got ${quote(select)}; ${quote(path.slice(at))} is not a valid step`,
      )
    }
    const [, name, index, single, double] = match
    if (index !== undefined) yield Number(index)
    else yield name ?? (single ?? double)?.replace(/\\(.)/g, '$1') ?? ALL
  }
}

function take(value: unknown, step: Step): unknown[] {
  if (typeof value !== 'object' || value === null) return []
  if (step === ALL) return Object.values(value)
  if ((typeof step === 'number') !== Array.isArray(value)) return []
  return Object.hasOwn(value, step) ? [(value as Record<string | number, unknown>)[step]] : []
}
