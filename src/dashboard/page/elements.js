/** The element of an id. */
export const byId = (id) => document.getElementById(id)

/** An element with text, never markup: names come from registries. */
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

/** Writes a cell only when it has changed. */
export function setText(cell, text, className) {
  const value = String(text)
  if (cell.textContent !== value) cell.textContent = value
  if (className !== undefined && cell.className !== className) cell.className = className
}

/** Rows by key, made once and moved where they belong. */
export class Rows {
  #rows = new Map()
  #body
  #make

  constructor(body, make) {
    this.#body = body
    this.#make = make
  }

  show(items, keyOf, update) {
    const left = new Set(this.#rows.keys())
    let before = null
    for (const item of items) {
      const key = keyOf(item)
      left.delete(key)
      let row = this.#rows.get(key)
      if (!row) this.#rows.set(key, (row = this.#make(item)))
      const place = before ? before.nextSibling : this.#body.firstChild
      if (row !== place) this.#body.insertBefore(row, place)
      update(row, item)
      before = row
    }
    for (const key of left) {
      this.#rows.get(key).remove()
      this.#rows.delete(key)
    }
  }
}

export const number = (value, digits = 0) =>
  value === undefined || value === null ? '–' : value.toLocaleString('en', { maximumFractionDigits: digits })
export const ms = (value) =>
  value === undefined || value === null ? '–' : `${number(value, value < 10 ? 1 : 0)} ms`
export const percent = (part, whole) => (whole === 0 ? '–' : `${number((part / whole) * 100, 1)} %`)

/** The colour of a state, which always stands beside its word. */
export function toneOf(state) {
  if (state === 'available') return 'good'
  return state === 'open' ? 'out' : 'doubt'
}
