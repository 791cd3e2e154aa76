import { getServers, type Resolver } from 'node:dns/promises'
import { makeResolver, type DnsResolver } from './resolver.ts'

/** Codes that describe the name. All other codes describe the name server that answered. */
const ABOUT_THE_NAME = new Set(['ENOTFOUND', 'ENODATA'])

/**
 * Queries one name server after the other, beginning with the last one that answered. Node.js's own resolver
 * tries the next server only after a timeout: it reports SERVFAIL, REFUSED, NOTIMP and FORMERR of the first
 * server at once.
 */
export class FailoverResolver implements DnsResolver {
  readonly #resolvers: readonly Resolver[]
  #first = 0
  #cancelled = false

  constructor(servers: readonly string[] | undefined, timeout: number) {
    const list = servers ?? getServers()
    // Each server gets its share of the time. A single server is queried twice, because a packet may get lost.
    const each = {
      timeout: Math.min(Math.ceil(timeout / (list.length + 1)), 1_000),
      tries: list.length > 1 ? 1 : 2,
    }
    this.#resolvers =
      list.length > 0 ? list.map((server) => makeResolver([server], each)) : [makeResolver(undefined, each)]
  }

  resolve4(name: string, options: { ttl: true }): ReturnType<DnsResolver['resolve4']> {
    return this.#askServers((resolver) => resolver.resolve4(name, options))
  }

  resolve6(name: string, options: { ttl: true }): ReturnType<DnsResolver['resolve6']> {
    return this.#askServers((resolver) => resolver.resolve6(name, options))
  }

  resolveSrv(name: string): ReturnType<DnsResolver['resolveSrv']> {
    return this.#askServers((resolver) => resolver.resolveSrv(name))
  }

  /** Ends every query with ECANCELLED. */
  cancel(): void {
    this.#cancelled = true
    for (const resolver of this.#resolvers) resolver.cancel()
  }

  async #askServers<T>(ask: (resolver: Resolver) => Promise<T>): Promise<T> {
    const count = this.#resolvers.length
    const first = this.#first
    for (let n = 0; ; n++) {
      const index = (first + n) % count
      try {
        const answer = await ask(this.#resolvers[index] as Resolver)
        this.#first = index
        return answer
      } catch (error) {
        const { code = '' } = error as NodeJS.ErrnoException
        if (ABOUT_THE_NAME.has(code)) this.#first = index
        if (ABOUT_THE_NAME.has(code) || this.#cancelled || n === count - 1) throw error
      }
    }
  }
}
