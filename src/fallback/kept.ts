import { keyPath } from './key.ts'

/** What holds answers, or lets requests share one. */
export interface Holder {
  /** The resource at this path is another one now. */
  changed(path: string): void
}

/** RFC 9110 §9.2.1. */
const SAFE = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'CONNECT'])

/** All of a client's answers that may be given again, for those who change what they show. */
export class Kept {
  readonly #holders: readonly Holder[]

  constructor(holders: readonly Holder[]) {
    this.#holders = holders
  }

  /** The service has answered: what an unsafe method has changed is not served any more (RFC 9111 §4.4). */
  answered(method: string, path: string, status: number): void {
    if (SAFE.has(method) || status < 200 || status >= 400) return
    const changed = keyPath(path)
    if (changed !== undefined) for (const holder of this.#holders) holder.changed(changed)
  }
}
