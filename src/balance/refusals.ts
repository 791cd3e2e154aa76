/** The weight of one response in the share. */
const RESPONSE_WEIGHT = 0.2
/** From this share of refusals on, the instance counts as overloaded. Four refusals in a row reach it. */
const OVERLOADED_FROM = 0.5

/**
 * The share of an instance's recent responses that are refusals. Status 429 means that one client sent too many
 * requests (RFC 6585, section 4). That tells nothing about other clients, unless most of them are refused too.
 */
export class Refusals {
  #share = 0

  /** Returns true if the instance refuses so many requests that it counts as overloaded. */
  count(isRefused: boolean): boolean {
    this.#share += ((isRefused ? 1 : 0) - this.#share) * RESPONSE_WEIGHT
    return this.#share >= OVERLOADED_FROM
  }
}
