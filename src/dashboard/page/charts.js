import { clock, compare } from './elements.js'
import { TONES } from './history.js'
import { cut } from './names.js'

/** How many instances have their own colour. All others are drawn as one. */
const MAX_COLOURS = 11
const COLOURS = [
  '#3b82c4',
  '#e08e2b',
  '#4fa36b',
  '#c4574f',
  '#8867c0',
  '#94714f',
  '#d277ae',
  '#b5ad2c',
  '#3aaebd',
  '#5562c9',
  '#8aa84b',
  '#8b949e',
]
/** How many rows the timeline has at most. */
const MAX_ROWS = 24
/** Up to this number of rows, the timeline also has instances that were always in use. */
const ROWS_WITH_HEALTHY = 10
const ROW = 15
/** In pixels: the space below for the time axis, and at the left for figures or names. */
const BELOW = 16
const LEFT = 52
const LEFT_OF_NAMES = 104
/** In ms. If two frames are further apart, no page was open between them. */
const LATE = 1_500

/** The colours of the theme by name. Cleared when the theme changes. */
const colours = new Map()
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => colours.clear())

function colour(name) {
  const known = colours.get(name)
  if (known !== undefined) return known
  const found = getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim()
  colours.set(name, found)
  return found
}

/** Returns a canvas in the size in which it is shown, or undefined while it is hidden. */
function surface(canvas) {
  const { clientWidth, clientHeight } = canvas
  if (clientWidth === 0) return undefined
  const scale = devicePixelRatio
  const [width, height] = [Math.round(clientWidth * scale), Math.round(clientHeight * scale)]
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height })
  const context = canvas.getContext('2d')
  context.setTransform(scale, 0, 0, scale, 0, 0)
  context.clearRect(0, 0, clientWidth, clientHeight)
  context.font = '11px system-ui, sans-serif'
  return { context, width: clientWidth, height: clientHeight }
}

/**
 * Returns the time range of entries. It is at least one minute, so that a page that was just opened does not
 * show one wide bar.
 */
function spanOf(entries) {
  const to = entries.at(-1).at
  return { from: Math.min(entries[0].at, to - 60_000) - 1_000, to }
}

/** Returns a surface with a time axis. `x` returns the left end of the column of an entry. */
function plot(canvas, entries, left) {
  const on = entries.length > 0 && surface(canvas)
  if (!on) return undefined
  const { context, width } = on
  const { from, to } = spanOf(entries)
  const wide = width - left
  const height = on.height - BELOW
  canvas.timeOf = (x) => (x < left ? undefined : from + ((x - left) / wide) * (to - from))
  context.fillStyle = colour('quiet')
  context.fillText(clock(from), left, on.height - 4)
  context.textAlign = 'right'
  context.fillText(clock(to), width, on.height - 4)
  context.textAlign = 'left'
  const x = (at) => left + ((at - 1_000 - from) / (to - from)) * wide
  return { context, width, height, left, x, step: (1_000 / (to - from)) * wide + 0.4 }
}

/** Draws a line at the moment that was picked in the log, or where the pointer is. */
function mark({ context, height, width, x, left }, moment) {
  if (moment === undefined) return
  const at = x(moment + 1_000)
  if (at < left || at > width) return
  context.fillStyle = colour('text')
  context.fillRect(at, 0, 1, height)
}

/** Draws a text at the left, compressed to the width of the margin. */
function figure({ context, left }, text, y) {
  context.fillStyle = colour('quiet')
  context.textAlign = 'right'
  context.fillText(text, left - 6, y, left - 6)
  context.textAlign = 'left'
}

/** Draws successful calls in green, and failed calls above them in red. */
export function sparkline(canvas, { entries }) {
  const on = entries.length > 0 && surface(canvas)
  if (!on) return
  const { context, width, height } = on
  const { from, to } = spanOf(entries)
  const top = Math.max(...entries.map(({ calls }) => calls), 1)
  const step = (1_000 / (to - from)) * width
  for (const [name, of] of [
    ['out', ({ calls }) => calls],
    ['good', ({ calls, failed }) => calls - failed],
  ]) {
    context.fillStyle = colour(name)
    for (const entry of entries) {
      if (entry.calls === 0) continue
      const tall = (of(entry) / top) * height
      context.fillRect(((entry.at - 1_000 - from) / (to - from)) * width, height - tall, step + 0.3, tall)
    }
  }
}

/** Draws the calls of each instance, stacked. Returns the colour of each instance. */
export function stacked(canvas, { entries, ids, tried }, moment) {
  const on = plot(canvas, entries, LEFT)
  if (!on) return []
  const shown = [...ids.keys()].filter((place) => tried[place] > 0).toSorted((a, b) => tried[b] - tried[a])
  const own = shown.slice(0, MAX_COLOURS).toSorted(byName(ids))
  const top = Math.max(...entries.map(({ sum }) => sum), 1)
  const { context, height, x, step } = on
  for (const { at, tries, sum } of entries) {
    let bottom = height
    let left = sum
    const draw = (calls, layer) => {
      if (calls === 0) return
      const tall = (calls / top) * (height - 4)
      bottom -= tall
      left -= calls
      context.fillStyle = COLOURS[layer]
      context.fillRect(x(at), bottom, step, tall)
    }
    own.forEach((place, layer) => draw(tries[place] ?? 0, layer))
    draw(left, MAX_COLOURS)
  }
  figure(on, `${top}/s`, 11)
  figure(on, '0', height)
  mark(on, moment)
  const keys = own.map((place, layer) => ({ name: ids[place], colour: COLOURS[layer] }))
  const others = shown.length - own.length
  return others > 0 ? [...keys, { name: `${others} others`, colour: COLOURS[MAX_COLOURS] }] : keys
}

const byName = (ids) => (a, b) => compare(cut(ids[a]), cut(ids[b]))

/**
 * Draws one bar for each instance: out, in doubt, or in use. If there are too many, shows those that were out
 * the longest.
 */
export function timeline(canvas, { entries, ids, trouble }, moment) {
  const last = entries.at(-1)?.tones ?? []
  const here = [...ids.keys()].filter((place) => last[place] > 0 || trouble[place] > 0)
  const rows = here
    .toSorted((a, b) => trouble[b] - trouble[a])
    .slice(0, MAX_ROWS)
    .filter((place, row) => row < ROWS_WITH_HEALTHY || trouble[place] > 0)
    .toSorted(byName(ids))
  const tall = `${Math.max(rows.length * ROW + BELOW, 60)}px`
  if (canvas.style.height !== tall) canvas.style.height = tall
  const on = plot(canvas, entries, LEFT_OF_NAMES)
  if (!on) return ''
  const { context, x, step } = on
  const fills = TONES.map((tone) => tone && colour(tone))
  rows.forEach((place, row) => {
    figure(on, cut(ids[place], 15), row * ROW + 11)
    // Draw one bar for each period without a change.
    let [tone, from, to] = [0, 0, 0]
    const draw = () => {
      if (tone === 0) return
      context.fillStyle = fills[tone]
      context.fillRect(x(from), row * ROW + 1, x(to) - x(from) + step, ROW - 3)
    }
    for (const { at, tones } of entries) {
      const next = tones[place] ?? 0
      if (next !== tone || at - to > LATE) {
        draw()
        tone = next
        from = at
      }
      to = at
    }
    draw()
  })
  mark(on, moment)
  return here.length > rows.length
    ? `, ${rows.length} of ${here.length}: those that were out the longest`
    : ''
}

/** Draws calls by latency, with one column per second and slow calls at the top. */
export function heatmap(canvas, { entries }, moment) {
  const on = plot(canvas, entries, LEFT)
  if (!on) return
  const { context, height, x, step } = on
  const rows = Math.max(...entries.map(({ latencies }) => latencies.length), 15)
  const most = Math.max(...entries.map(({ latencies }) => Math.max(...latencies, 0)), 1)
  const tall = height / rows
  context.fillStyle = colour('link')
  for (const { at, latencies } of entries) {
    latencies.forEach((count, row) => {
      if (count === 0) return
      context.globalAlpha = 0.2 + 0.8 * Math.sqrt(count / most)
      context.fillRect(x(at), height - (row + 1) * tall, step, tall)
    })
  }
  context.globalAlpha = 1
  for (const [limit, text] of [
    [1, '1 ms'],
    [10, '10 ms'],
    [100, '100 ms'],
    [1_000, '1 s'],
    [10_000, '10 s'],
  ]) {
    const y = height - (Math.log2(limit) * 2 + 1) * tall
    if (y >= 6) figure(on, text, y + 5)
  }
  mark(on, moment)
}
