import { button, byId, setText } from './elements.js'

/** The share of a shortened name that its end gets, because names of instances often differ at the end. */
const END = 0.3
/** The maximum length of a tooltip, in characters. */
const MAX_TITLE = 1_000

/** Invisible characters, and characters that change the direction of text. */
const INVISIBLE = /[\p{Cc}\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/gu

/** More accents on one letter than any language uses. They would cover the lines above and below. */
const ACCENTS = /(\p{M}{4})\p{M}+/gu

/** Returns the text with these characters replaced by their code points. */
export const plain = (text) =>
  text
    .toWellFormed()
    .replace(ACCENTS, '$1…')
    .replace(INVISIBLE, (character) => `\\u{${character.codePointAt(0).toString(16)}}`)

function withoutMiddle(text, most) {
  if (text.length <= most) return text
  const end = Math.floor(most * END)
  return `${text.slice(0, most - end - 1)}…${text.slice(-end)}`
}

/** Returns a name with at most `most` characters. A longer one loses its middle. */
export const cut = (text, most = 100) => withoutMiddle(plain(withoutMiddle(text, most)), most)

export const titleOf = (text) => cut(text, MAX_TITLE)

/** Shows a name in a cell. A long name becomes a button that shows the complete name. */
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
