import { quote } from '../../options.ts'
import { checkRegistryUrl } from './options.ts'
import { RegistryAnswerError } from './http.ts'

/** Servers that can replace each other. The server that answered last is tried first. */
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

  /** Moves on to the next server, unless another call has already done so. */
  skip(url: string): void {
    if (url === this.current) this.#current = (this.#current + 1) % this.#urls.length
  }

  /** Tries one server after the other, each once, until one answers. */
  async tryEach<T>(signal: AbortSignal, ask: (url: string) => Promise<T>): Promise<T> {
    for (let left = this.#urls.length; ; left--) {
      const url = this.current
      try {
        return await ask(url)
      } catch (error) {
        // Also after the caller's timeout. Otherwise the next call would wait for the same frozen server.
        this.skip(url)
        // Other servers are likely to answer a request with the same 4xx, so they are not tried now.
        const refused = error instanceof RegistryAnswerError && error.status >= 400 && error.status < 500
        if (refused || signal.aborted || left <= 1) throw error
      }
    }
  }
}
