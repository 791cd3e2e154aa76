import { quote } from '../../options.ts'
import { checkRegistryUrl } from './options.ts'
import { RegistryAnswerError } from './http.ts'

/** Servers that stand in for each other; the one that answered last is asked first. */
export class Endpoints {
  readonly #urls: readonly string[]
  #current = 0

  constructor(name: string, urls: unknown) {
    const list: unknown = typeof urls === 'string' ? [urls] : urls
    if (!Array.isArray(list) || list.length === 0) {
      throw new TypeError(`${name} must be a url or a list of urls, got ${quote(urls)}`)
    }
    this.#urls = list.map((url, index) => checkRegistryUrl(list.length > 1 ? `${name}[${index}]` : name, url))
  }

  get current(): string {
    return this.#urls[this.#current] as string
  }

  /** Turns to the next server, unless somebody else has already. */
  forsake(url: string): void {
    if (url === this.current) this.#current = (this.#current + 1) % this.#urls.length
  }

  /** Asks one server after the other, each once, until one is well enough to answer. */
  async any<T>(signal: AbortSignal, ask: (url: string) => Promise<T>): Promise<T> {
    for (let left = this.#urls.length; ; left--) {
      const url = this.current
      try {
        return await ask(url)
      } catch (error) {
        // Also when the caller ran out of patience, or it would find the same frozen server next time.
        this.forsake(url)
        // A refusal is likely the same everywhere, so the others are left for the next time.
        const refused = error instanceof RegistryAnswerError && error.status >= 400 && error.status < 500
        if (refused || signal.aborted || left <= 1) throw error
      }
    }
  }
}
