import { systemClock } from '../clock.ts'

/** What a platform with resource timing has. Node's types do not know the method's whole signature. */
interface Timeline {
  markResourceTiming?(
    timing: object,
    url: string,
    initiator: 'fetch',
    global: object,
    cache: '',
    body: { encodedSize: number; decodedSize: number },
    status: number | undefined,
  ): unknown
}

/** One response. Moments are milliseconds on the timeline of `performance.now()`, sizes are bytes. */
export interface Resource {
  readonly url: string
  readonly status: number
  readonly sent: number
  readonly answered: number
  readonly received: number
  readonly read: number
}

/** The fetch of undici 6, on Node 22, tells no status. */
const TELLS_STATUS = Number.parseInt(process.versions['undici'] ?? '', 10) >= 7

/**
 * Adds the `PerformanceResourceTiming` entry that the platform's fetch adds for each response. Tracers and performance
 * observers read it.
 */
export function markResource({ url, status, sent, answered, received, read }: Resource): void {
  const timeline: Timeline = performance
  timeline.markResourceTiming?.(
    {
      startTime: sent,
      redirectStartTime: 0,
      redirectEndTime: 0,
      postRedirectStartTime: sent,
      finalServiceWorkerStartTime: 0,
      finalNetworkRequestStartTime: sent,
      finalNetworkResponseStartTime: answered,
      endTime: systemClock.now(),
      encodedBodySize: received,
      decodedBodySize: read,
      // fetch does not know either when the connection was made.
      finalConnectionTimingInfo: {
        domainLookupStartTime: sent,
        domainLookupEndTime: sent,
        connectionStartTime: sent,
        connectionEndTime: sent,
        secureConnectionStartTime: sent,
      },
    },
    url,
    'fetch',
    globalThis,
    '',
    { encodedSize: received, decodedSize: read },
    TELLS_STATUS ? status : undefined,
  )
}
