import { cpus, loadavg, release } from 'node:os'
import type { Result } from './results.ts'

/** Returns a number with three significant digits, never with an exponent. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return String(value)
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en').replaceAll(',', ' ')
  return String(Number(value.toPrecision(3)))
}

/** Returns the result, or why there is none. */
export function outcome({ estimate: { median, low, high }, base, unit, verdict }: Result): string {
  const suffix = base ? '×' : ` ${unit}`
  const bounds = `${figure(low)}–${figure(high)}`
  return verdict === 'unclear'
    ? `hidden by the spread: ${bounds}${suffix}`
    : `${figure(median)}${suffix} (${bounds})`
}

export function goal({ target, base, unit, atLeast }: Result): string {
  if (target === undefined) return 'reported'
  return `${atLeast ? '≥' : '≤'} ${figure(target)}${base ? '×' : ` ${unit}`}`
}

export function sides({ base, unit, subjectValue, baseValue }: Result): string {
  return base ? `${figure(subjectValue)} to ${figure(baseValue ?? Number.NaN)} ${unit}` : ''
}

export function table(results: readonly Result[]): string {
  const lines = results.map((result) => {
    const name = `${result.row}: ${result.name}`
    return `| ${[name, goal(result), outcome(result), sides(result), result.verdict].join(' | ')} |`
  })
  return ['| | target | median (95 % bounds) | medians of each | |', '|---|---|---|---|---|', ...lines].join(
    '\n',
  )
}

export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly system: string
  readonly node: string
  /** The load average of one minute at the start and at the end. It shows other work of the machine. */
  readonly load: readonly [number, number]
}

export function machine(loadBefore: number): Machine {
  const [first] = cpus()
  return {
    cpu: first?.model.trim() ?? 'unknown',
    cores: cpus().length,
    system: `${process.platform} ${release()}`,
    node: process.version,
    load: [loadBefore, loadavg()[0] ?? 0],
  }
}
