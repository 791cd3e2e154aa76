import { systemClock } from '../clock.ts'

/** The method of a platform with resource timing. Node's types do not declare all of its parameters. */
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

/** The fetch of undici 6, on Node 22, does not report the status. */
const TELLS_STATUS = Number.parseInt(process.versions['undici'] ?? '', 10) >= 7

/**
 * The `PerformanceResourceTiming` entry of a response, as the platform's fetch adds it. Tracers and performance
 * observers read it. The platform keeps this object. When the entry is read, it reads times from here in milliseconds
 * of `performance.now()`, and sizes in bytes.
 */
export class ResourceTiming {
  readonly startTime: number
  readonly finalNetworkResponseStartTime: number
  endTime = 0
  encodedSize = 0
  decodedSize = 0
  readonly #url: string
  readonly #status: number

  constructor(url: string, status: number, sent: number, answered: number) {
    this.#url = url
    this.#status = status
    this.startTime = sent
    this.finalNetworkResponseStartTime = answered
  }

  /** Adds the entry. `received` is the number of bytes on the wire, `read` the number of body bytes that were read. */
  add(received: number, read: number): void {
    this.encodedSize = received
    this.decodedSize = read
    this.endTime = systemClock.now()
    const timeline: Timeline = performance
    const status = TELLS_STATUS ? this.#status : undefined
    timeline.markResourceTiming?.(this, this.#url, 'fetch', globalThis, '', this, status)
  }

  get redirectStartTime(): number {
    return 0
  }
  get redirectEndTime(): number {
    return 0
  }
  get postRedirectStartTime(): number {
    return this.startTime
  }
  get finalServiceWorkerStartTime(): number {
    return 0
  }
  get finalNetworkRequestStartTime(): number {
    return this.startTime
  }
  get encodedBodySize(): number {
    return this.encodedSize
  }
  get decodedBodySize(): number {
    return this.decodedSize
  }

  /** fetch does not know when the connection was made either. */
  get finalConnectionTimingInfo(): object {
    const { startTime } = this
    return {
      domainLookupStartTime: startTime,
      domainLookupEndTime: startTime,
      connectionStartTime: startTime,
      connectionEndTime: startTime,
      secureConnectionStartTime: startTime,
    }
  }
}
