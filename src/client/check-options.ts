import type { Clock } from '../clock.ts'
import { unusable } from '../hooks/unusable.ts'
import { checkFunction, checkMethods, checkNumber, checkObject, quote } from '../options.ts'
import { checkIsSource } from '../registry/discovery.ts'
import type { ClientOptions } from './options.ts'

export const CLIENT_OPTIONS: readonly (keyof ClientOptions)[] = [
  'service',
  'source',
  'allow',
  'balance',
  'breaker',
  'retry',
  'hedge',
  'budget',
  'timeout',
  'waitForReady',
  'limit',
  'throttle',
  'fallback',
  'stale',
  'coalesce',
  'deadline',
  'attemptHeader',
  'headers',
  'classify',
  'routes',
  'validate',
  'contractFailure',
  'outliers',
  'health',
  'warm',
  'panicThreshold',
  'whenAllOpen',
  'drainTimeout',
  'emptyGrace',
  'transport',
  'maxResponseSize',
  'redactPath',
  'traffic',
  'mirror',
  'fetch',
  'clock',
]

/** Checks the options that no part of the client checks itself. */
export function checkClientOptions(options: ClientOptions): void {
  checkObject('createClient()', options, CLIENT_OPTIONS)
  checkIsSource('source', options.source)
  if (options.clock !== undefined) checkClock(options.clock)
  if (options.redactPath !== undefined) checkFunction('redactPath', options.redactPath)
  if (options.panicThreshold !== undefined) checkNumber('panicThreshold', options.panicThreshold, { max: 1 })
  const { whenAllOpen = 'throttle' } = options
  if (whenAllOpen !== 'throttle' && whenAllOpen !== 'refuse') {
    throw new TypeError(`whenAllOpen must be 'throttle' or 'refuse', got ${quote(whenAllOpen)}`)
  }
  const { fetch = 'fast', maxResponseSize } = options
  if (fetch !== 'platform' && fetch !== 'fast') {
    throw new TypeError(`fetch must be 'platform' or 'fast', got ${quote(fetch)}`)
  }
  if (maxResponseSize !== undefined)
    checkNumber('maxResponseSize', maxResponseSize, { min: 1, integer: true })
  if (options.warm !== undefined) checkNumber('warm', options.warm, { integer: true, max: 100 })
  if (options.drainTimeout !== undefined) checkNumber('drainTimeout', options.drainTimeout)
  if (typeof options.limit === 'object' && options.limit?.perInstance !== undefined) {
    checkNumber('limit.perInstance', options.limit.perInstance, { min: 1, integer: true })
  }
  if (options.outliers && options.breaker === false) {
    throw new TypeError(
      'outliers cannot be used with breaker: false: an outlier is ejected by opening its breaker',
    )
  }
}

function checkClock(clock: Clock): void {
  checkMethods('clock', clock, ['now', 'sleep', 'random'])
  const now: unknown = clock.now()
  if (!Number.isFinite(now)) throw unusable('clock.now()', 'a finite number', now)
  if (clock.timer !== undefined) checkMethods('clock', clock, ['timer'])
  if (clock.epoch !== undefined) checkNumber('clock.epoch', clock.epoch, { min: -Infinity })
}
