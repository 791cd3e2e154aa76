import { button, byId, setText } from './elements.js'

/** The part at the end of a long name that is shown: names of instances often differ there. */
const END = 0.3
/** Characters of a tooltip. */
const MOST_OF_TITLE = 1_000

/** Characters that nobody sees, or that change the order in which others are shown. */
const UNSEEN = /[\p{Cc}\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/gu

/** More accents on one letter than any language has: they reach over the lines above and below. */
const ACCENTS = /(\p{M}{4})\p{M}+/gu

/** A text with such characters as their code points. */
export const plain = (text) =>
  text
    .toWellFormed()
    .replace(ACCENTS, '$1…')
    .replace(UNSEEN, (unseen) => `\\u{${unseen.codePointAt(0).toString(16)}}`)

function withoutMiddle(text, most) {
  if (text.length <= most) return text
  const end = Math.floor(most * END)
  return `${text.slice(0, most - end - 1)}…${text.slice(-end)}`
}

/** A name of at most so many characters, without its middle. */
export const cut = (text, most = 100) => withoutMiddle(plain(withoutMiddle(text, most)), most)

export const titleOf = (text) => cut(text, MOST_OF_TITLE)

/** A name in a cell: a long one as a button that shows it in full. */
export function setName(cell, text, most) {
  if (cell.fullName === text) return
  cell.fullName = text
  cell.title = titleOf(text)
  const shown = plain(text.slice(0, most + 1))
  if (shown.length <= most) {
    cell.textContent = shown
    return
  }
  const short = button(cut(text), 'name', () => showInFull(text))
  short.ariaHasPopup = 'dialog'
  cell.replaceChildren(short)
}

function showInFull(text) {
  setText(byId('full-text'), plain(text))
  byId('full').showModal()
}
