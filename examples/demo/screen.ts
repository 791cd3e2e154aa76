import { stripVTControlCharacters, styleText } from 'node:util'
import type { ClientSnapshot } from 'outrigger'
import type { Score } from './traffic.ts'

const LINES_OF_NEWS = 10

const COLOUR = { closed: 'green', open: 'red', 'half-open': 'yellow' } as const

/** Shows a live picture on a terminal. Elsewhere it prints the news line by line, and one table at the end. */
export class Screen {
  readonly #live = process.stdout.isTTY
  readonly #news: string[] = []
  readonly #started = performance.now()

  tell(what: string): void {
    const seconds = ((performance.now() - this.#started) / 1_000).toFixed(1).padStart(5)
    const line = `${seconds} s  ${what}`
    this.#news.push(line)
    if (!this.#live) console.log(stripVTControlCharacters(line))
  }

  draw(snapshot: ClientSnapshot, scores: Record<string, Score>): void {
    if (!this.#live) return
    const lines = [...table(snapshot), '', ...summary(scores), '', ...this.#news.slice(-LINES_OF_NEWS)]
    process.stdout.write(`\u001B[H${lines.map((line) => `${line}\u001B[K\n`).join('')}\u001B[J`)
  }

  open(): void {
    if (this.#live) process.stdout.write('\u001B[?1049h\u001B[?25l')
  }

  close(snapshot: ClientSnapshot, scores: Record<string, Score>): void {
    if (this.#live) {
      process.stdout.write('\u001B[?25h\u001B[?1049l')
      for (const line of this.#news) console.log(line)
    }
    const lines = ['', ...table(snapshot), '', ...summary(scores)]
    console.log((this.#live ? lines : lines.map(stripVTControlCharacters)).join('\n'))
  }
}

function table({ instances }: ClientSnapshot): string[] {
  const head = styleText('bold', row('instance', 'breaker', 'in flight', 'mean ms', 'good', 'failed'))
  return [
    head,
    ...instances.map(({ instance, breaker, inFlight, latency, settled }) =>
      row(
        instance.id,
        styleText(COLOUR[breaker], breaker.padEnd(9)),
        String(inFlight),
        latency === undefined ? '-' : latency.toFixed(0),
        String(settled.success),
        String(settled.failure),
      ),
    ),
  ]
}

function summary(scores: Record<string, Score>): string[] {
  return [
    styleText('bold', row('side', 'success', 'p50 ms', 'p99 ms', 'sent')),
    ...Object.entries(scores).map(([side, score]) =>
      row(
        side,
        `${(score.success * 100).toFixed(2)} %`,
        score.percentile(0.5).toFixed(0),
        score.percentile(0.99).toFixed(0),
        String(score.sent),
      ),
    ),
  ]
}

function row(first: string, ...rest: string[]): string {
  return `  ${first.padEnd(14)}${rest.map((cell) => cell.padStart(10 + cell.length - stripVTControlCharacters(cell).length)).join('')}`
}
