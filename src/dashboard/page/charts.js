import { toneOf } from './elements.js'

/** Instances that have a colour of their own; the rest is drawn as one. */
const MOST = 12
const COLOURS = [
  '#3b82c4',
  '#e08e2b',
  '#4fa36b',
  '#c4574f',
  '#8867c0',
  '#94714f',
  '#d277ae',
  '#7d8790',
  '#b5ad2c',
  '#3aaebd',
  '#5562c9',
  '#8aa84b',
  '#999999',
]

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim()

/** A canvas as large as it is shown; undefined while it is hidden. */
function surface(canvas) {
  const { clientWidth, clientHeight } = canvas
  if (clientWidth === 0) return undefined
  const scale = devicePixelRatio
  const [width, height] = [Math.round(clientWidth * scale), Math.round(clientHeight * scale)]
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height })
  const context = canvas.getContext('2d')
  context.setTransform(scale, 0, 0, scale, 0, 0)
  context.clearRect(0, 0, clientWidth, clientHeight)
  return { context, width: clientWidth, height: clientHeight }
}

/** Success in green over all calls in red. */
export function sparkline(canvas, frames) {
  const on = surface(canvas)
  if (!on || frames.length === 0) return
  const { context, width, height } = on
  const top = Math.max(...frames.map(({ calls }) => calls), 1)
  const step = width / Math.max(frames.length, 60)
  for (const [name, of] of [
    ['out', ({ calls }) => calls],
    ['good', ({ calls, failed }) => calls - failed],
  ]) {
    context.fillStyle = colour(name)
    frames.forEach((frame, index) => {
      const tall = (of(frame) / top) * height
      context.fillRect(index * step, height - tall, Math.max(step - 0.5, 0.5), tall)
    })
  }
}

/** Calls of each instance, one on the other. */
export function stacked(canvas, frames) {
  const on = surface(canvas)
  if (!on || frames.length === 0) return
  const { context, width, height } = on
  const totals = new Map()
  for (const { instances } of frames) {
    for (const { id, calls } of instances) totals.set(id, (totals.get(id) ?? 0) + calls)
  }
  const ids = [...totals].toSorted((a, b) => b[1] - a[1]).map(([id]) => id)
  const order = new Map(
    ids
      .slice(0, MOST)
      .toSorted()
      .map((id, index) => [id, index]),
  )
  const stacks = frames.map(({ instances }) => {
    const heights = new Float64Array(MOST + 1)
    for (const { id, calls } of instances) heights[order.get(id) ?? MOST] += calls
    return heights
  })
  const top = Math.max(...stacks.map((heights) => heights.reduce((sum, each) => sum + each, 0)), 1)
  const step = width / Math.max(frames.length, 60)
  stacks.forEach((heights, index) => {
    let bottom = height
    heights.forEach((calls, at) => {
      const tall = (calls / top) * height
      bottom -= tall
      context.fillStyle = COLOURS[at]
      context.fillRect(index * step, bottom, step + 0.3, tall)
    })
  })
  context.fillStyle = colour('quiet')
  context.fillText(`${Math.round(top)}/s`, 4, 11)
}

/** One bar an instance: out, in doubt, or in use. */
export function timeline(canvas, frames) {
  const on = surface(canvas)
  const last = frames.at(-1)
  if (!on || !last) return
  const { context, width, height } = on
  const ids = new Map(last.instances.map(({ id }, index) => [id, index]))
  const bar = height / Math.max(ids.size, 1)
  const step = width / Math.max(frames.length, 60)
  const colours = { good: colour('good'), doubt: colour('doubt'), out: colour('out') }
  frames.forEach(({ instances }, index) => {
    for (const { id, state } of instances) {
      const row = ids.get(id)
      if (row === undefined) continue
      context.fillStyle = colours[toneOf(state)]
      context.fillRect(index * step, row * bar, step + 0.3, Math.max(bar - (bar > 4 ? 1 : 0), 0.5))
    }
  })
}

/** Calls by latency: one column a second, slow ones at the top. */
export function heatmap(canvas, frames) {
  const on = surface(canvas)
  if (!on || frames.length === 0) return
  const { context, width, height } = on
  const rows = Math.max(...frames.map(({ latencies }) => latencies.length), 12)
  const most = Math.max(...frames.flatMap(({ latencies }) => latencies), 1)
  const step = width / Math.max(frames.length, 60)
  const tall = height / rows
  context.fillStyle = colour('link')
  frames.forEach(({ latencies }, index) => {
    latencies.forEach((count, row) => {
      if (count === 0) return
      context.globalAlpha = 0.15 + 0.85 * Math.sqrt(count / most)
      context.fillRect(index * step, height - (row + 1) * tall, step + 0.3, tall)
    })
  })
  context.globalAlpha = 1
  context.fillStyle = colour('quiet')
  context.fillText(`${Math.round(Math.SQRT2 ** rows)} ms`, 4, 11)
}
