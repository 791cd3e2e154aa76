import { button, byId, clock, compare, element, inSeconds, Rows, setText } from './elements.js'
import { cut, plain } from './names.js'

const MAX_LINES = 500

/** The severity of an event. */
const TONES = {
  'breaker:open': 'out',
  'instance:ejected': 'out',
  'instance:unhealthy': 'out',
  'source:stale': 'out',
  'call:rejected': 'out',
  'breaker:half-open': 'doubt',
  'instance:paused': 'doubt',
  'breaker:close': 'good',
  'instance:added': 'good',
  'instance:healthy': 'good',
  'source:recovered': 'good',
}

/** The fields that lines can be filtered by. */
const FIELDS = ['service', 'instance', 'kind']

/** The event log: the lines that match the filter, the newest first. */
export class Log {
  #lines = []
  #made = 0
  #isChanged = false
  #rows
  #onPick
  #filter = byId('filter').elements

  constructor(onPick) {
    this.#onPick = onPick
    this.#rows = new Rows(byId('log'), (line) => this.#make(line))
    byId('filter').addEventListener('input', () => {
      this.#isChanged = true
      this.show()
    })
    byId('filter').addEventListener('submit', (event) => event.preventDefault())
  }

  add({ lines, dropped, at }) {
    if (lines.length === 0 && dropped === 0) return
    for (const line of lines) this.#lines.push({ ...line, number: this.#made++ })
    if (dropped > 0) {
      const text = `${dropped} more lines were left out`
      this.#lines.push({ at, kind: 'log', service: '', text, number: this.#made++ })
    }
    this.#lines.splice(0, this.#lines.length - MAX_LINES)
    this.#isChanged = true
  }

  show() {
    if (!this.#isChanged) return
    this.#isChanged = false
    for (const field of FIELDS) this.#updateOptions(field)
    const text = this.#filter.text.value.trim().toLowerCase()
    const wanted = FIELDS.map((field) => [field, this.#filter[field].value])
    const shown = this.#lines.filter(
      (line) =>
        wanted.every(([field, value]) => value === '' || line[field] === value) &&
        `${line.kind} ${line.service} ${line.instance ?? ''} ${line.text}`.toLowerCase().includes(text),
    )
    this.#rows.show(shown.toReversed(), ({ number }) => number)
    byId('no-lines').hidden = shown.length > 0
    byId('log').parentElement.hidden = shown.length === 0
    setText(byId('no-lines'), this.#lines.length > 0 ? 'No line fits.' : 'Nothing has happened yet.')
  }

  /** Updates the choices of a filter. The selected value stays, and an open list keeps its order. */
  #updateOptions(field) {
    const select = this.#filter[field]
    const there = new Set(this.#lines.map((line) => line[field] ?? ''))
    there.delete('')
    const { value } = select
    if (value !== '') there.add(value)
    const values = ['', ...[...there].toSorted(compare)]
    if (select.matches(':focus')) {
      // Add new values at the end, so that the position of the keyboard does not change.
      const had = new Set([...select.options].map((option) => option.value))
      for (const each of values) if (!had.has(each)) select.append(optionOf(each))
      return
    }
    if (
      values.length === select.options.length &&
      values.every((each, at) => select.options[at].value === each)
    )
      return
    select.replaceChildren(...values.map(optionOf))
    select.value = value
  }

  /** Makes a line. A click on it, or its button by keyboard, shows its moment in the charts. */
  #make({ at, service, kind, text }) {
    const line = element('li')
    const time = clock(at)
    if (service) {
      const moment = button(time, 'link', () => {})
      moment.ariaLabel = `${time}, show it in the charts`
      line.append(moment)
      line.addEventListener('click', () => {
        // A click that selects text does nothing.
        if (getSelection().isCollapsed) this.#onPick(service, at)
      })
      line.className = 'leads'
    } else line.append(time)
    line.append(' ', element('b', kind, TONES[kind] ?? 'quiet'))
    line.append(` ${plain(inSeconds(text).replace(`${service} ${kind}`, () => cut(service)))}`)
    return line
  }
}

function optionOf(value) {
  const made = element('option', value === '' ? 'all' : cut(value, 60))
  made.value = value
  return made
}
