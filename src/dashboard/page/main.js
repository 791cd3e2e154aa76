import { heatmap, stacked, timeline } from './charts.js'
import { byId, setText } from './elements.js'
import { Instances, Log, Overview, Routes } from './views.js'

/** Seconds that the charts show. */
const SHOWN = 300

const frames = []
let picked
let dirty = false

const pick = (name) => {
  picked = name
  byId('service').hidden = false
  byId('explanation').hidden = true
  setText(byId('service-title'), name)
  later()
}
const overview = new Overview((name) => {
  pick(name)
  byId('service-title').scrollIntoView({ block: 'start' })
})
const instances = new Instances(confirm)
const routes = new Routes()
const log = new Log(pick)

const serviceOf = (frame, name) => frame.services.find((service) => service.name === name)
const historyOf = (name) => frames.map((frame) => serviceOf(frame, name)).filter(Boolean)

/** Draws once before the next picture, and not at all while the page is hidden. */
function later() {
  if (dirty) return
  dirty = true
  requestAnimationFrame(() => {
    dirty = false
    draw()
  })
}

function draw() {
  const last = frames.at(-1)
  if (!last) return
  if (picked === undefined && last.services.length === 1) pick(last.services[0].name)
  overview.show(last.services, historyOf, picked)
  const service = picked === undefined ? undefined : serviceOf(last, picked)
  if (!service) return
  const history = historyOf(picked)
  stacked(byId('traffic'), history)
  timeline(byId('breakers'), history)
  heatmap(byId('latency'), history)
  instances.show(service.instances)
  routes.show(service)
}

const stream = new EventSource('events')
stream.addEventListener('open', () => setText(byId('connection'), 'live'))
stream.addEventListener('error', () => setText(byId('connection'), 'not connected: the figures are old'))
stream.addEventListener('message', ({ data }) => {
  const frame = JSON.parse(data)
  // The process was started anew.
  if (frames.length > 0 && frame.at < frames.at(-1).at - 60_000) frames.length = 0
  frames.push(frame)
  if (frames.length > SHOWN) frames.shift()
  setText(byId('connection'), `live, ${new Date(frame.at).toLocaleTimeString('en-GB')}`)
  log.add(frame)
  later()
})
addEventListener('resize', later)

byId('explain').addEventListener('submit', (event) => {
  event.preventDefault()
  void explain(new FormData(event.target).get('target'))
})

async function explain(target) {
  const answer = await fetch(`explain?${new URLSearchParams({ service: picked, target })}`)
  const { text, error } = await answer.json()
  byId('explanation').hidden = false
  setText(byId('explanation'), error ?? text)
}

/** What will happen, in words. */
const MEANING = {
  isolate: (id, left) =>
    `${id} gets no further call; what it carries may finish. ${left} other instances stay in use.`,
  drain: (id, left) =>
    `${id} gets calls only when nobody else may take one. ${left} other instances stay in use.`,
  weigh: (id) => `${id} gets another share of the traffic.`,
  restore: (id) => `What was done by hand to ${id} is taken back.`,
}

function confirm(action, id) {
  const service = serviceOf(frames.at(-1), picked)
  const left = service.instances.filter((each) => each.id !== id && each.state === 'available').length
  setText(byId('confirm-title'), `${action} ${id}?`)
  setText(byId('confirm-text'), MEANING[action](id, left))
  byId('confirm-weight').hidden = action !== 'weigh'
  const dialog = byId('confirm')
  const done = () => {
    if (dialog.returnValue !== 'yes') return
    const { reason, weight } = Object.fromEntries(new FormData(dialog.querySelector('form')))
    void act({ service: picked, action, id, reason, ...(action === 'weigh' && { weight: Number(weight) }) })
  }
  dialog.addEventListener('close', done, { once: true })
  dialog.returnValue = 'no'
  dialog.showModal()
}

async function act(wish) {
  const answer = await fetch('act', {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-outrigger-dashboard': '1' },
    body: JSON.stringify(wish),
  })
  const { error } = await answer.json()
  setText(byId('told'), error ?? `done: ${wish.action} ${wish.id}`)
  setTimeout(() => setText(byId('told'), ''), 6_000)
}

const { mayAct } = await (await fetch('may-act')).json()
document.body.classList.toggle('may-act', mayAct)
