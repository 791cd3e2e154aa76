import { checkRecord, quote } from '../options.ts'
import { nearest } from '../spelling.ts'
import { Client, Pool } from '../undici.ts'

/** The options of undici's Pool and Client that a misspelt one may have been meant for. */
const KNOWN_OPTIONS: readonly string[] = [
  'allowH2',
  'autoSelectFamily',
  'autoSelectFamilyAttemptTimeout',
  'bodyTimeout',
  'clientTtl',
  'connect',
  'connections',
  'connectTimeout',
  'factory',
  'headersTimeout',
  'keepAliveMaxTimeout',
  'keepAliveTimeout',
  'keepAliveTimeoutThreshold',
  'localAddress',
  'maxConcurrentStreams',
  'maxHeaderSize',
  'maxRequestsPerClient',
  'maxResponseSize',
  'pipelining',
  'socketPath',
  'strictContentLength',
]

/** Throws unless these are options that undici takes. It is asked itself; some of what it lets pass it should not. */
export function checkTransport(options: Pool.Options): void {
  checkRecord('transport', options, 'an object with options of undici, or a function')
  if (typeof (options as { dispatch?: unknown }).dispatch === 'function') {
    throw new TypeError(
      'transport must be options of undici, or a function: for a dispatcher write () => dispatcher',
    )
  }
  // It would take the place of our own connections, which end with their instance also while they are being made.
  if (options.factory !== undefined) {
    throw new TypeError(
      'transport.factory is not taken: write transport: ({ url }) => new Pool(url, { factory })',
    )
  }
  for (const [key, value] of Object.entries(options) as [string, unknown][]) {
    if (Number.isNaN(value)) throw new RangeError(`transport.${key} must be a number, got NaN`)
    // Others may be those of a later undici.
    const suggestion = KNOWN_OPTIONS.includes(key) ? undefined : nearest(key, KNOWN_OPTIONS)
    if (suggestion !== undefined)
      throw new TypeError(`transport.${key} is not an option; did you mean ${suggestion}?`)
  }
  try {
    // Made only to have its options checked; it opens no connection. The Pool looks at some of its options, the rest is for each Client that it makes.
    void new Pool('http://localhost', options)
    void new Client('http://localhost', options)
  } catch (error) {
    const reason = error instanceof Error ? error.message : quote(error)
    throw new TypeError(`transport: ${reason}`, { cause: error })
  }
}
