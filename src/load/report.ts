/**
 * The response header with a server's load, as ORCA (Open Request Cost Aggregation, of Envoy and gRPC) defines
 * it.
 */
export const LOAD_HEADER: string = 'endpoint-load-metrics'

/** The load of a server, as it reports it. All numbers are finite and not negative. */
export interface LoadReport {
  /** The used share of its processors. More than 1 is possible. */
  readonly cpuUtilization?: number
  /** The used share of its memory, 0 to 1. */
  readonly memUtilization?: number
  /**
   * The used share of the resource that limits it. The server decides which one; in Node.js, it is the event
   * loop. More than 1 is possible.
   */
  readonly applicationUtilization?: number
  /** Requests per second that it answers, for all clients together. */
  readonly rps?: number
  /** Failed requests per second. They are included in `rps`. */
  readonly eps?: number
  /** Custom numbers, by name. */
  readonly named?: ReadonlyMap<string, number>
}

export type LoadNumber = Exclude<keyof LoadReport, 'named'>

/** The names of a report's numbers in the text format. */
export const TEXT_NAMES: Readonly<Record<LoadNumber, string>> = {
  cpuUtilization: 'cpu_utilization',
  memUtilization: 'mem_utilization',
  applicationUtilization: 'application_utilization',
  rps: 'rps_fractional',
  eps: 'eps',
}

export const NAMED_PREFIX: string = 'named_metrics.'

/** Names that need no quoting in any of the formats. */
export const NAME: RegExp = /^[\w.-]{1,64}$/

/** Returns a report in the text format: `TEXT cpu_utilization=0.3,rps_fractional=120`. */
export function formatLoad(report: LoadReport): string {
  const metrics: string[] = []
  for (const field of FIELDS) {
    const value = report[field]
    if (value !== undefined) metrics.push(`${TEXT_NAMES[field]}=${short(value)}`)
  }
  for (const [name, value] of report.named ?? []) metrics.push(`${NAMED_PREFIX}${name}=${short(value)}`)
  return `TEXT ${metrics.join(',')}`
}

const FIELDS = Object.keys(TEXT_NAMES) as readonly LoadNumber[]

/** Five digits are more precise than any measurement of load. */
function short(value: number): number {
  return Number(value.toPrecision(5))
}
