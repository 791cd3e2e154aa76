import { Registry } from 'prom-client'
import { asked } from '../hooks/asked.ts'
import { checkFunction } from '../options.ts'

/** The labels of an exemplar, such as the trace id. */
export type ExemplarLabels = Readonly<Record<string, string>>

/**
 * The maximum length of all names and values of an exemplar together, in characters (OpenMetrics 1.0,
 * "Exemplars").
 */
const MAX_LENGTH = 128

const WARNING = {
  name: 'prometheus().exemplars',
  rule: `an object of strings, ${MAX_LENGTH} characters at most`,
  instead: 'the call has no exemplar',
  code: 'OUTRIGGER_EXEMPLARS',
}

/** Checks the option. A registry in Prometheus's older text format cannot store exemplars. */
export function checkExemplars(ask: unknown, register: { readonly contentType: string }): void {
  checkFunction('prometheus().exemplars', ask)
  if (register.contentType !== Registry.OPENMETRICS_CONTENT_TYPE) {
    throw new TypeError(
      'prometheus().exemplars needs a registry in OpenMetrics format: call register.setContentType(Registry.OPENMETRICS_CONTENT_TYPE)',
    )
  }
}

/** Returns the labels for a call that ends now. Returns none if the function returns none or throws. */
export function exemplarOf(ask: () => unknown): ExemplarLabels {
  return asked(ask, readLabels, ask, WARNING) ?? {}
}

function readLabels(value: unknown): ExemplarLabels | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const entries = Object.entries(value) as [string, unknown][]
  const isRight = entries.every(
    ([name, text]) => /^[a-z_]\w*$/i.test(name) && typeof text === 'string' && /^[^"\\\n]*$/.test(text),
  )
  // prom-client throws for longer labels.
  if (!isRight || entries.flat().join('').length > MAX_LENGTH) return undefined
  return Object.fromEntries(entries) as ExemplarLabels
}
