/** Returns the element with an id. */
export const byId = (id) => document.getElementById(id)

/** Makes an element with text. The text is never markup, because names come from registries. */
export function element(tag, text, className) {
  const made = document.createElement(tag)
  if (text !== undefined) made.textContent = text
  if (className) made.className = className
  return made
}

export function button(text, className, onClick) {
  const made = element('button', text, className)
  made.type = 'button'
  made.addEventListener('click', onClick)
  return made
}

/** Makes a table row with the given number of cells. */
export function row(cells) {
  const made = element('tr')
  for (let cell = 0; cell < cells; cell++) made.append(element('td'))
  return made
}

/** Writes to a cell only if its text has changed. */
export function setText(cell, text, className) {
  const value = String(text)
  if (cell.textContent !== value) cell.textContent = value
  if (className !== undefined && cell.className !== className) cell.className = className
}

/** Child elements by key. Each is made once, and moved when its place changes. */
export class Rows {
  #rows = new Map()
  #body
  #make

  constructor(body, make) {
    this.#body = body
    this.#make = make
  }

  show(items, keyOf, update = () => {}) {
    const { activeElement } = document
    const left = new Set(this.#rows.keys())
    let before = null
    for (const item of items) {
      const key = keyOf(item)
      left.delete(key)
      let made = this.#rows.get(key)
      if (!made) this.#rows.set(key, (made = this.#make(item)))
      const place = before ? before.nextSibling : this.#body.firstChild
      if (made !== place) this.#body.insertBefore(made, place)
      update(made, item)
      before = made
    }
    for (const key of left) {
      this.#rows.get(key).remove()
      this.#rows.delete(key)
    }
    // An element that is moved loses the focus.
    if (activeElement !== document.activeElement && this.#body.contains(activeElement))
      activeElement.focus({ preventScroll: true })
  }
}

/** Cached, because making a formatter takes longer than formatting a hundred numbers. */
const FORMATS = [0, 1, 2].map((digits) => new Intl.NumberFormat('en', { maximumFractionDigits: digits }))
/** Compares names, with numbers in numeric order: 2 before 10. */
export const { compare } = new Intl.Collator('en', { numeric: true })
const TIME = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' })

export const number = (value, digits = 0) =>
  value === undefined || value === null ? '–' : FORMATS[digits].format(value)
/** A column has room for seven characters. */
export const ms = (value) => {
  if (value === undefined || value === null) return '–'
  return value < 1_000 ? `${number(value, value < 10 ? 1 : 0)} ms` : `${number(value / 1_000, 2)} s`
}
export const percent = (part, whole) => (whole === 0 ? '–' : `${number((part / whole) * 100, 1)} %`)
/** Rounded down, so that 100 % means that all calls succeeded. */
export const success = (good, all) =>
  all === 0 ? '–' : `${number(Math.floor((good / all) * 1_000) / 10, 1)} %`
/** Returns a text with its long durations in seconds. */
export const inSeconds = (text) =>
  text.replace(/\b(\d{4,9}) ms\b/g, (_, value) => `${number(value / 1_000)} s`)
export const clock = (at) => TIME.format(at)

/** Returns the colour class of a state. The word is always shown too. */
export function toneOf(state) {
  if (state === 'available') return 'good'
  return state === 'open' ? 'out' : 'doubt'
}
