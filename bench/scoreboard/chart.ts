import type { Point } from './result.ts'

export interface Series {
  readonly name: string
  readonly points: readonly Point[]
}

interface Panel {
  readonly label: string
  readonly top: number
  readonly low: number
  readonly high: number
  readonly step: number
  readonly value: (point: Point) => number
}

const WIDTH = 760
const LEFT = 64
const RIGHT = 16
const PANEL = 150
const LEGEND_ROW = 20
/** The approximate width of a letter. */
const LETTER = 6.6
/** Colours that people with red-green blindness can distinguish (Okabe and Ito). The dashes differ too. */
const STROKES = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#56b4e9', '#e69f00']
const DASHES = ['', '6 3', '', '2 3', '8 3 2 3', '3 5']

/** Returns success and p99 over time as one SVG. It has its own background, so it is readable on any page. */
export function chart(title: string, series: readonly Series[]): string {
  const points = series.flatMap((each) => each.points)
  const end = Math.max(...points.map(({ at }) => at)) + 1
  const keys = legend(series)
  const first = 44 + LEGEND_ROW * keys.rows
  const panels: readonly Panel[] = [
    {
      label: 'success, %',
      top: first,
      ...axis(Math.min(99, ...points.map(({ success }) => 100 * success)), 100),
      value: ({ success }) => success * 100,
    },
    {
      label: 'p99, ms',
      top: first + PANEL + 44,
      ...axis(0, Math.max(...points.map(({ p99 }) => p99))),
      value: ({ p99 }) => p99,
    },
  ]
  const height = first + 2 * PANEL + 44 + 44
  const x = (at: number): number => LEFT + (at / end) * (WIDTH - LEFT - RIGHT)
  const timeAxis = axis(0, end, 8)
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" font-family="system-ui, sans-serif" font-size="12" fill="#333">`,
    `<title>${escape(title)}: success and p99 over time</title>`,
    `<rect width="${WIDTH}" height="${height}" rx="6" fill="#fff"/>`,
    `<text x="${LEFT}" y="24" font-size="14" font-weight="600">${escape(title)}</text>`,
    ...keys.lines,
    ...panels.flatMap((panel) => [
      ...grid(panel),
      ...ticks(timeAxis, end).map((at) =>
        text(x(at), panel.top + PANEL + 16, String(at), 'text-anchor="middle"'),
      ),
      ...series.map((each, index) => line(each, index, panel, x)),
    ]),
    text((LEFT + WIDTH - RIGHT) / 2, height - 10, 'seconds', 'text-anchor="middle"'),
    '</svg>',
  ].join('\n')}\n`
}

/** Puts as many names in a row as fit. */
function legend(series: readonly Series[]): { readonly lines: readonly string[]; readonly rows: number } {
  let left = LEFT
  let rows = 1
  const lines = series.map(({ name }, index) => {
    const width = 32 + name.length * LETTER + 20
    if (left + width > WIDTH) {
      left = LEFT
      rows++
    }
    const y = 26 + rows * LEGEND_ROW
    const line = `<path d="M${round(left)} ${y - 4}h26" ${stroke(index)}/>${text(left + 32, y, name)}`
    left += width
    return line
  })
  return { lines, rows }
}

function grid(panel: Panel): readonly string[] {
  const lines = ticks(panel, panel.high).map((value) => {
    const y = scale(panel, value)
    const rule = `<path d="M${LEFT} ${round(y)}H${WIDTH - RIGHT}" stroke="#ddd"/>`
    return `${rule}${text(LEFT - 8, y + 4, String(value), 'text-anchor="end"')}`
  })
  const middle = panel.top + PANEL / 2
  return [
    ...lines,
    text(14, middle, panel.label, `text-anchor="middle" transform="rotate(-90 14 ${middle})"`),
  ]
}

function line({ points }: Series, index: number, panel: Panel, x: (at: number) => number): string {
  const path = points
    .map(
      (point, at) =>
        `${at === 0 ? 'M' : 'L'}${round(x(point.at))} ${round(scale(panel, panel.value(point)))}`,
    )
    .join('')
  return `<path d="${path}" ${stroke(index)}/>`
}

function stroke(index: number): string {
  const dash = DASHES[index % DASHES.length]
  const colour = STROKES[index % STROKES.length]
  return `fill="none" stroke="${colour}" stroke-width="1.8"${dash ? ` stroke-dasharray="${dash}"` : ''}`
}

function scale({ top, low, high }: Panel, value: number): number {
  return top + PANEL * (1 - (Math.min(Math.max(value, low), high) - low) / (high - low))
}

/** Bounds and steps of 1, 2 or 5 times a power of ten, with at most so many steps from `from` to `to`. */
function axis(from: number, to: number, steps = 4): { low: number; high: number; step: number } {
  const rough = Math.max(to - from, 1e-3) / steps
  // Negative powers of ten are computed by division, because engines differ in the last bit of a negative power.
  let unit = 1
  while (unit > rough) unit /= 10
  while (unit * 10 <= rough) unit *= 10
  const step = [1, 2, 5, 10].map((times) => times * unit).find((each) => each >= rough) ?? rough
  return { low: Math.floor(from / step) * step, high: Math.ceil(to / step) * step, step }
}

function ticks({ low, step }: { low: number; step: number }, end: number): readonly number[] {
  const count = Math.floor((end - low) / step + 1e-9)
  return Array.from({ length: count + 1 }, (_, index) => Number((low + index * step).toFixed(3)))
}

function text(x: number, y: number, content: string, attributes = ''): string {
  return `<text x="${round(x)}" y="${round(y)}"${attributes && ` ${attributes}`}>${escape(content)}</text>`
}

function round(value: number): string {
  return String(Number(value.toFixed(1)))
}

function escape(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}
