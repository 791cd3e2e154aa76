/**
 * Importing npm's undici claims process-wide symbols and so can reroute the platform's own fetch
 * (visible with NODE_USE_ENV_PROXY). This module is imported before undici and remembers what was there.
 */
const legacy = Symbol.for('undici.globalDispatcher.1')
const current = Symbol.for('undici.globalDispatcher.2')

type Slots = Record<symbol, unknown>
const slots = globalThis as unknown as Slots

const [builtin = '0'] = (process.versions['undici'] ?? '').split('.')

// From undici 7 on, the platform shares the second symbol: load it first, or it would adopt npm's agent.
if (Number(builtin) >= 7 && slots[current] === undefined) void globalThis.Response

const before = slots[legacy]

/** Puts the platform's own dispatcher back in its place. */
export function restoreGlobalDispatcher(): void {
  if (slots[legacy] !== before) slots[legacy] = before
}

/** The dispatcher the platform's fetch would use by itself, looked up at each use. */
export function platformDispatcher(): unknown {
  return Number(builtin) >= 7 ? (slots[current] ?? slots[legacy]) : slots[legacy]
}
