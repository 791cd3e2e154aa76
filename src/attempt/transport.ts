import { checkRecord, quote } from '../options.ts'
import { nearest } from '../spelling.ts'
import { Client, Pool } from '../undici.ts'

/** The options of undici's Pool and Client. If a name is misspelt, the error suggests one of them. */
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

/** Throws unless undici accepts these options. undici checks most of them itself. The rest is checked here. */
export function checkTransport(options: Pool.Options): void {
  checkRecord('transport', options, 'an object with options of undici, or a function')
  if (typeof (options as { dispatch?: unknown }).dispatch === 'function') {
    throw new TypeError(
      'transport must be options of undici, or a function: for a dispatcher write () => dispatcher',
    )
  }
  // It would replace this library's connections, which end with their instance even while they are being established.
  if (options.factory !== undefined) {
    throw new TypeError(
      'transport.factory is not supported: write transport: ({ url }) => new Pool(url, { factory })',
    )
  }
  for (const [key, value] of Object.entries(options) as [string, unknown][]) {
    if (Number.isNaN(value)) throw new RangeError(`transport.${key} must be a number, got NaN`)
    // An unknown name may be an option of a later undici.
    const suggestion = KNOWN_OPTIONS.includes(key) ? undefined : nearest(key, KNOWN_OPTIONS)
    if (suggestion !== undefined)
      throw new TypeError(`transport.${key} is not an option; did you mean ${suggestion}?`)
  }
  try {
    // Both are made only to check the options, and open no connection. The Pool checks some of its options, each
    // Client that it makes checks the others.
    void new Pool('http://localhost', options)
    void new Client('http://localhost', options)
  } catch (error) {
    const reason = error instanceof Error ? error.message : quote(error)
    throw new TypeError(`transport: ${reason}`, { cause: error })
  }
}
