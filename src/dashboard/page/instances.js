import {
  button,
  byId,
  compare,
  element,
  inSeconds,
  ms,
  number,
  percent,
  row,
  Rows,
  setText,
  toneOf,
} from './elements.js'
import { cut, setName, titleOf } from './names.js'

/** How many rows are rendered above and below the visible ones. The Tab key must find its next target there. */
const EXTRA_ROWS = 6
/** The height of a row in pixels, until one has been measured. */
const ROW_HEIGHT = 30
const CELLS = 14

/** The order of states, the worst first. A row keeps its place while its state does not change. */
const ORDER = ['open', 'unhealthy', 'probing', 'paused', 'full', 'draining', 'available']

/** Placeholders for the rows that are not visible: above, below, and next to a row that has the focus. */
const GAPS = Array.from({ length: 3 }, () => ({ rows: 0 }))

/** The table of instances. Only the visible rows are in the page, because there may be thousands. */
export class Instances {
  #rows
  #act
  #table = byId('instances')
  #region = this.#table.parentElement
  #tall = ROW_HEIGHT
  #all = []
  #wanted = ''
  #total = 0
  #sorted = []
  #ranks = new Map()
  /** The index of each row in the sorted list. */
  #indexes = new WeakMap()
  #focused
  #isDue = false

  constructor(act) {
    this.#act = act
    byId('find').addEventListener('input', () => {
      this.#region.scrollTop = 0
      this.#later()
    })
    this.#region.addEventListener('scroll', () => this.#later(), { passive: true })
    new ResizeObserver(() => this.#later()).observe(this.#region)
    this.#rows = new Rows(this.#table.tBodies[0], (item) => (item.rows ? makeGap() : this.#make(item)))
  }

  show(instances) {
    const { scrollTop, clientHeight } = this.#region
    const [some] = this.#table.tBodies[0].querySelectorAll('tr:not(.gap)')
    if (some?.offsetHeight) this.#tall = some.offsetHeight
    const wanted = byId('find').value.trim().toLowerCase()
    if (instances !== this.#all || wanted !== this.#wanted) this.#sort(instances, wanted)
    const first = Math.max(Math.floor(scrollTop / this.#tall) - EXTRA_ROWS, 0)
    const count = Math.ceil(clientHeight / this.#tall) + 2 * EXTRA_ROWS
    this.#rows.show(
      this.#itemsOf(Math.max(Math.min(first, this.#sorted.length - count), 0), count),
      (item) => item.id ?? item,
      (made, item) => {
        if (item.rows) made.firstChild.style.height = `${item.rows * this.#tall}px`
        else this.#update(made, item)
      },
    )
  }

  /** Updates only the table before the next picture. The charts do not change. */
  #later() {
    if (this.#isDue) return
    this.#isDue = true
    requestAnimationFrame(() => {
      this.#isDue = false
      this.show(this.#all)
    })
  }

  #sort(instances, wanted) {
    this.#all = instances
    this.#wanted = wanted
    this.#total = instances.reduce((sum, { calls }) => sum + calls, 0)
    const ranks = this.#ranks
    if (ranks.size !== instances.length || instances.some(({ id }) => !ranks.has(id))) {
      const ids = instances.map(({ id }) => [cut(id), id]).toSorted(([a], [b]) => compare(a, b))
      this.#ranks = new Map(ids.map(([, id], rank) => [id, rank]))
    }
    const placeOf = ({ id, state }) => ORDER.indexOf(state) * instances.length + this.#ranks.get(id)
    this.#sorted = instances
      .filter(
        ({ id, state, zone = '', version = '' }) =>
          wanted === '' || `${id} ${state} ${zone} ${version}`.toLowerCase().includes(wanted),
      )
      .toSorted((a, b) => placeOf(a) - placeOf(b))
    this.#table.ariaRowCount = this.#sorted.length + 1
    setText(
      byId('more'),
      instances.length === 0
        ? 'No instance is known: the registry names none, or has not answered yet.'
        : wanted === ''
          ? ''
          : `${number(this.#sorted.length)} of ${number(instances.length)} instances`,
    )
  }

  /** Returns the visible rows, the row that has the focus, and the placeholders. */
  #itemsOf(first, count) {
    // While a dialog is open, keep the row to which the focus returns.
    if (!document.querySelector('dialog[open]'))
      this.#focused = document.activeElement?.closest('#instances tbody tr')?.instance
    const sorted = this.#sorted
    const focused = this.#focused === undefined ? -1 : sorted.findIndex(({ id }) => id === this.#focused)
    const places = []
    for (let place = first; place < Math.min(first + count, sorted.length); place++) places.push(place)
    if (focused >= 0 && focused < first) places.unshift(focused)
    if (focused >= first + count) places.push(focused)
    const items = []
    let [gaps, next] = [0, 0]
    for (const place of [...places, sorted.length]) {
      if (place > next) items.push(Object.assign(GAPS[gaps++], { rows: place - next }))
      if (place === sorted.length) break
      items.push(sorted[place])
      this.#indexes.set(sorted[place], place)
      next = place + 1
    }
    return items
  }

  #update(made, instance) {
    const { cells } = made
    const { id, url, state, why, calls, failed, p50, p99, inFlight, queued, weight } = instance
    const { zone = '', version = '', byHand } = instance
    // The first row is the table head.
    made.ariaRowIndex = this.#indexes.get(instance) + 2
    setName(cells[0], id, 28)
    cells[0].title = `${titleOf(id)} ${titleOf(url)}`
    setText(cells[1], byHand ? `${state}, by hand` : state, `state ${toneOf(state)}`)
    setName(cells[2], inSeconds(why), 24)
    const figures = [
      percent(calls, this.#total),
      number(calls),
      number(failed),
      ms(p50),
      ms(p99),
      number(inFlight),
      number(queued),
      number(weight, 2),
    ]
    figures.forEach((text, index) => setText(cells[index + 3], text))
    setName(cells[11], zone, 10)
    setName(cells[12], version, 10)
  }

  #make({ id }) {
    const made = row(CELLS)
    made.instance = id
    made.cells[2].className = 'why'
    for (let cell = 3; cell < 11; cell++) made.cells[cell].className = 'number'
    made.cells[13].className = 'act'
    for (const action of ['isolate', 'drain', 'weigh', 'restore']) {
      const label = button(action, '', () => this.#act(action, id))
      label.ariaLabel = `${action} ${titleOf(id)}`
      made.cells[13].append(label, ' ')
    }
    return made
  }
}

function makeGap() {
  const made = element('tr', undefined, 'gap')
  made.ariaHidden = 'true'
  const cell = element('td')
  cell.colSpan = CELLS
  made.append(cell)
  return made
}
