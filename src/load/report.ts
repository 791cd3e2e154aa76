/** The response header that carries a server's load, as ORCA has it (Open Request Cost Aggregation: Envoy, gRPC). */
export const LOAD_HEADER: string = 'endpoint-load-metrics'

/** What a server says of its load. All numbers are finite and not negative. */
export interface LoadReport {
  /** Used part of the processors it may use; more than 1 is possible. */
  readonly cpuUtilization?: number
  /** Used part of its memory, 0 to 1. */
  readonly memUtilization?: number
  /** Used part of what limits it, by its own account; more than 1 is possible. For Node: its event loop. */
  readonly applicationUtilization?: number
  /** Requests per second that it answers, for all clients. */
  readonly rps?: number
  /** Of these, failures per second. */
  readonly eps?: number
  /** Numbers of its own, by name. */
  readonly named?: ReadonlyMap<string, number>
}

export type LoadNumber = Exclude<keyof LoadReport, 'named'>

/** The names of a report's numbers in the text form. */
export const TEXT_NAMES: Readonly<Record<LoadNumber, string>> = {
  cpuUtilization: 'cpu_utilization',
  memUtilization: 'mem_utilization',
  applicationUtilization: 'application_utilization',
  rps: 'rps_fractional',
  eps: 'eps',
}

export const NAMED_PREFIX: string = 'named_metrics.'

/** A name that needs no quoting in any of the forms. */
export const NAME: RegExp = /^[\w.-]{1,64}$/

/** The text form of a report: `TEXT cpu_utilization=0.3,rps_fractional=120`. */
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

/** Five digits say more than anybody knows of a load. */
function short(value: number): number {
  return Number(value.toPrecision(5))
}
