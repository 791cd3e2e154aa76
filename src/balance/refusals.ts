/** How much one answer moves the share. */
const WEIGHT = 0.2
/** The share of answers that are refusals from which on they are the instance's: four in a row are enough. */
const BELIEVED = 0.5

/**
 * The share of an instance's recent answers that turned somebody away. 429 says that one requester sent too much (RFC 6585,
 * section 4): that is no reason for the others to stay away, unless most of them hear it.
 */
export class Refusals {
  #share = 0

  /** Returns whether refusals are to be believed. */
  count(isRefused: boolean): boolean {
    this.#share += ((isRefused ? 1 : 0) - this.#share) * WEIGHT
    return this.#share >= BELIEVED
  }
}
