import { keyPath } from './key.ts'

/** Stores responses, or lets requests share them. */
export interface Holder {
  /** The resource at this path has changed. */
  changed(path: string): void
}

/** The safe methods (RFC 9110, section 9.2.1). */
const SAFE = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'CONNECT'])

/** Tells all holders of a client's responses when a resource has changed. */
export class Kept {
  readonly #holders: readonly Holder[]

  constructor(holders: readonly Holder[]) {
    this.#holders = holders
  }

  /**
   * Called for each response of the service. After an unsafe method, stored responses of that path become invalid (RFC
   * 9111, section 4.4).
   */
  answered(method: string, path: string, status: number): void {
    if (SAFE.has(method) || status < 200 || status >= 400) return
    const changed = keyPath(path)
    if (changed !== undefined) for (const holder of this.#holders) holder.changed(changed)
  }
}
