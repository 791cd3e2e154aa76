import { Registry } from 'prom-client'
import { asked } from '../hooks/asked.ts'
import { checkFunction } from '../options.ts'

/** What an exemplar says, such as the id of the trace. */
export type ExemplarLabels = Readonly<Record<string, string>>

/** Characters of the names and values of an exemplar together (OpenMetrics 1.0, "Exemplars"). */
const MAX_LENGTH = 128

const WARNING = {
  name: 'prometheus().exemplars',
  rule: `an object of strings, ${MAX_LENGTH} characters at most`,
  instead: 'the call has no exemplar',
  code: 'OUTRIGGER_EXEMPLARS',
}

/** Checks the option. A registry that writes the older format of Prometheus has no place for exemplars. */
export function checkExemplars(ask: unknown, register: { readonly contentType: string }): void {
  checkFunction('prometheus().exemplars', ask)
  if (register.contentType !== Registry.OPENMETRICS_CONTENT_TYPE) {
    throw new TypeError(
      'prometheus().exemplars needs a registry of OpenMetrics: register.setContentType(Registry.OPENMETRICS_CONTENT_TYPE)',
    )
  }
}

/** The labels for a call that ends now; none if the function has none, or throws. */
export function exemplarOf(ask: () => unknown): ExemplarLabels {
  return asked(ask, readLabels, ask, WARNING) ?? {}
}

function readLabels(value: unknown): ExemplarLabels | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const entries = Object.entries(value) as [string, unknown][]
  const isRight = entries.every(
    ([name, text]) => /^[a-z_]\w*$/i.test(name) && typeof text === 'string' && /^[^"\\\n]*$/.test(text),
  )
  // prom-client throws where it is longer.
  if (!isRight || entries.flat().join('').length > MAX_LENGTH) return undefined
  return Object.fromEntries(entries) as ExemplarLabels
}
