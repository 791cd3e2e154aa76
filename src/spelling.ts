/** Returns the word of the list that `written` is most likely a misspelling of, or undefined when none is similar. */
export function nearest(written: string, words: readonly string[]): string | undefined {
  // A longer key is not a typo, and the cost of the distance grows with its length.
  if (written.length > 40) return undefined
  let best: string | undefined
  let least = Math.max(1, Math.floor(written.length / 3)) + 1
  for (const word of words) {
    const far = distance(written.toLowerCase(), word.toLowerCase())
    if (far >= least) continue
    least = far
    best = word
  }
  return best
}

/** The Levenshtein distance: how many letters must be inserted, removed or changed. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const changed = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(changed, row[j]! + 1, next[j - 1]! + 1))
    }
    row = next
  }
  return row[b.length]!
}
