import { heatmap, stacked, timeline } from './charts.js'
import { byId, clock, element, inSeconds, ms, number, setText } from './elements.js'
import { Frames } from './frames.js'
import { History, SHOWN } from './history.js'
import { Instances } from './instances.js'
import { Log } from './log.js'
import { cut, setName, titleOf } from './names.js'
import { Overview, Routes } from './views.js'

const CHARTS = ['traffic', 'breakers', 'latency']

/** The last frame, and the history for the charts. */
const frames = new Frames()
let last
const histories = new Map()
let picked
let moment
let dirty = false

const pick = (name, at) => {
  if (name !== picked) byId('explanation').hidden = true
  picked = name
  moment = at
  byId('service').hidden = false
  setName(byId('service-title'), name, 60)
  later()
}
/** Shows the charts at the moment of a log line. */
const show = (name, at) => {
  pick(name, at)
  byId('service-title').scrollIntoView({ block: 'start' })
}
const explainRoute = (key) => {
  byId('explain').elements.target.value = key
  void explain(key)
}
const overview = new Overview((name) => show(name))
const instances = new Instances(confirm)
const routes = new Routes(explainRoute)
const log = new Log(show)

const serviceOf = (name) => last.services.find((service) => service.name === name)
const historyOf = (name) => histories.get(name)

/** Draws once before the next picture. Draws nothing while the page is hidden. */
function later() {
  if (dirty) return
  dirty = true
  requestAnimationFrame(() => {
    dirty = false
    draw()
  })
}

function draw() {
  if (!last) return
  setText(byId('time'), clock(last.at))
  if (picked === undefined && last.services.length === 1) pick(last.services[0].name)
  overview.show(last.services, historyOf, picked)
  log.show()
  const service = picked === undefined ? undefined : serviceOf(picked)
  if (!service) return
  const history = historyOf(picked)
  showKeys(stacked(byId('traffic'), history, moment))
  setText(byId('rows'), timeline(byId('breakers'), history, moment))
  heatmap(byId('latency'), history, moment)
  setText(byId('moment'), textOf(history))
  instances.show(service.instances)
  routes.show(service, history)
}

let shownKeys = ''
function showKeys(keys) {
  const all = JSON.stringify(keys)
  if (all === shownKeys) return
  shownKeys = all
  byId('keys').replaceChildren(
    ...keys.map(({ name, colour }) => {
      const swatch = element('i')
      swatch.style.background = colour
      const key = element('li')
      key.append(swatch, cut(name, 24))
      key.title = titleOf(name)
      return key
    }),
  )
}

/** Returns the figures of the moment that is marked in the charts. */
function textOf(history) {
  if (moment === undefined) return ''
  const entry = history.at(moment)
  if (!entry) {
    const isOver = moment < last.at - SHOWN
    return `${clock(moment)}: ${isOver ? 'longer ago than the charts show' : 'no figures, because no page was open'}`
  }
  const { at, calls, failed, refused, p50, p99, tones } = entry
  const out = history.ids.filter((_, place) => tones[place] === 3).map((id) => cut(id, 40))
  const names = out.length > 5 ? `${out.slice(0, 5).join(', ')} and ${out.length - 5} more` : out.join(', ')
  return [
    `${clock(at)}: ${number(calls)} calls, ${number(failed)} failed`,
    `${number(refused)} refused, p50 ${ms(p50)}, p99 ${ms(p99)}`,
    out.length > 0 ? `open: ${names}` : 'no breaker open',
  ].join(', ')
}

for (const id of CHARTS) {
  byId(id).addEventListener('pointermove', ({ target, offsetX }) => {
    moment = target.timeOf?.(offsetX)
    later()
  })
  byId(id).addEventListener('pointerleave', () => {
    moment = undefined
    later()
  })
}

let stream

/**
 * Connects to the stream of frames. A hidden page is disconnected, and gets the missed frames when it is
 * visible again.
 */
function connect() {
  stream?.close()
  stream = undefined
  if (document.hidden) return
  stream = new EventSource(last ? `events?after=${frames.id}` : 'events')
  stream.addEventListener('open', () => setText(byId('connection'), 'live'))
  stream.addEventListener('error', () => {
    setText(byId('connection'), 'not connected: the figures are old')
    // After an error response of a proxy, the browser does not reconnect.
    if (stream?.readyState === EventSource.CLOSED) setTimeout(connect, 2_000)
  })
  stream.addEventListener('message', ({ data, lastEventId }) => {
    const frame = JSON.parse(data)
    if (!frames.add(Number(lastEventId), frame)) return
    last = { at: frames.at, services: frames.services }
    for (const service of last.services) {
      if (!histories.has(service.name)) histories.set(service.name, new History())
      histories.get(service.name).add(last.at, service)
    }
    for (const [name, { entries }] of histories)
      if (entries.at(-1).at < last.at - SHOWN) histories.delete(name)
    log.add(frame)
    later()
  })
}
connect()
document.addEventListener('visibilitychange', connect)
addEventListener('resize', later)
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', later)

byId('explain').addEventListener('submit', (event) => {
  event.preventDefault()
  void explain(new FormData(event.target).get('target'))
})

async function explain(target) {
  const said = byId('explanation')
  said.hidden = false
  try {
    const answer = await fetch(`explain?${new URLSearchParams({ service: picked, target })}`)
    const { text, error } = await answer.json()
    const lines = (error ?? text).split('\n')
    setText(said, lines.map((line) => cut(inSeconds(line), 300)).join('\n'))
  } catch (error) {
    setText(said, `no answer: ${error.message}`)
  }
}

/** What each action does, for the confirmation. */
const MEANING = {
  isolate: (id, left) =>
    `${id} gets no further calls; its calls in progress may finish. Other instances that stay in use: ${left}.`,
  drain: (id, left) =>
    `${id} gets calls only when no other instance may take them. Other instances that stay in use: ${left}.`,
  weigh: (id) => `${id} gets another share of the traffic.`,
  restore: (id) => `All manual actions on ${id} are undone.`,
  dryRun: (name) =>
    `With dry run on, the breakers of ${name} report what they would do, and hold nothing back. All of its instances get calls.`,
}

function confirm(action, id) {
  const shown = cut(id)
  const { instances: all } = serviceOf(picked)
  const service = picked
  const left = all.filter((each) => each.id !== id && each.state === 'available').length
  const isDryRun = action === 'dryRun'
  setText(byId('confirm-title'), isDryRun ? `Dry run of ${shown}` : `${action} ${shown}?`)
  setText(byId('confirm-text'), MEANING[action](shown, left))
  byId('confirm-weight').hidden = action !== 'weigh'
  byId('confirm-on').hidden = !isDryRun
  byId('confirm-for').hidden = isDryRun || action === 'restore'
  byId('confirm-reason').hidden = isDryRun || action === 'restore'
  const dialog = byId('confirm')
  const done = () => {
    if (dialog.returnValue !== 'yes') return
    const { reason, weight, minutes, on } = Object.fromEntries(new FormData(dialog.querySelector('form')))
    const how = { ...(reason !== '' && { reason }), ...(minutes !== '' && { for: Number(minutes) * 60_000 }) }
    if (isDryRun) void act({ service, action, on: on === 'on' })
    else if (action === 'restore') void act({ service, action, id })
    else void act({ service, action, id, ...how, ...(action === 'weigh' && { weight: Number(weight) }) })
  }
  dialog.addEventListener('close', done, { once: true })
  dialog.returnValue = 'no'
  dialog.querySelector('form').reset()
  dialog.showModal()
}
byId('dry-run').addEventListener('click', () => confirm('dryRun', picked))

let telling
/** Shows the result of an action. An error stays longer. */
function tell(text, isWrong) {
  setText(byId('told'), cut(text, 400))
  clearTimeout(telling)
  telling = setTimeout(() => setText(byId('told'), ''), isWrong ? 30_000 : 6_000)
}

async function act(wish) {
  try {
    const answer = await fetch('act', {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-outrigger-dashboard': '1' },
      body: JSON.stringify(wish),
    })
    const { error } = await answer.json()
    tell(error ?? `done: ${wish.action} ${cut(wish.id ?? wish.service)}`, error !== undefined)
  } catch (error) {
    tell(`not done: ${error.message}`, true)
  }
}

try {
  const { mayAct } = await (await fetch('may-act')).json()
  document.body.classList.toggle('may-act', mayAct)
} catch {
  // The page then offers no actions until it is loaded again.
}
