// Every word of the prose in README and `docs/` is in the dictionary of British English or in words.txt. Names are not checked.
import { globSync, readFileSync } from 'node:fs'
import dictionary from 'dictionary-en-gb'
import nspell from 'nspell'

const root = new URL('../', import.meta.url)
const list = new URL('words.txt', import.meta.url)

/** Blanks what is no prose; lines stay where they are. */
function prose(markdown: string): string {
  return [
    /^```[^]*?^```$/gm,
    /<!--[^]*?-->/g,
    /`[^`]*`/g,
    /\]\([^)\s]*\)/g,
    /https?:\/\/\S+/g,
    /@?[\w-]+(?:[./][\w-]+)+/g, // names of files, packages and hosts
  ].reduce((text, part) => text.replaceAll(part, (found) => found.replaceAll(/[^\n]/g, ' ')), markdown)
}

const known = new Set(readFileSync(list, 'utf8').split('\n').filter(Boolean))
const speller = nspell(dictionary)
const isRight = new Map<string, boolean>()

function check(word: string): boolean {
  let right = isRight.get(word)
  if (right === undefined) {
    right = known.has(word) || speller.correct(word)
    isRight.set(word, right)
  }
  return right
}

const problems: string[] = []
let words = 0
for (const path of globSync(['*.md', 'docs/**/*.md'], { cwd: root }).toSorted()) {
  const lines = prose(readFileSync(new URL(path, root), 'utf8')).split('\n')
  for (const [n, line] of lines.entries()) {
    // Not: what has digits or an underscore in it, one letter, and Names, ABBREVIATIONS and camelCase.
    for (const [found] of line.matchAll(/(?<![\w.'’-])\p{L}[\p{L}'’]*\p{L}(?![\w])/gu)) {
      const word = found.replaceAll('’', "'").replace(/'s?$/, '')
      if (word.length < 2 || /[A-Z]/.test(word)) continue
      words++
      if (!check(word)) problems.push(`${path}:${n + 1}: ${word}`)
    }
  }
}

for (const problem of problems) console.error(problem)
if (problems.length > 0) throw new Error('correct these words, or add them to site/words.txt')
if (words < 10_000) throw new Error(`only ${words} words`)
console.log(`${words} words, none unknown`)
