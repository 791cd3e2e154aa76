/** Returns at most `most` characters of a text, with a mark if it was longer. */
export function cut(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text
}
