/**
 * Importing npm's undici claims process-wide symbols and so can reroute the platform's own fetch
 * (visible with NODE_USE_ENV_PROXY). This module is imported before undici and remembers what was there.
 */
const legacy = Symbol.for('undici.globalDispatcher.1')
const current = Symbol.for('undici.globalDispatcher.2')

type Slots = Record<symbol, unknown>
const slots = globalThis as unknown as Slots

const [builtin = '0'] = (process.versions['undici'] ?? '').split('.')

// undici 8 of the platform looks at the second symbol only: load it first, or it would adopt npm's agent. Earlier ones look
// at the first, and take both when they are loaded, at the first fetch; loading them here would be a tenth of our import.
if (Number(builtin) >= 8 && slots[current] === undefined) void globalThis.Response

const before = slots[legacy]

/** Puts the platform's own dispatcher back in its place. */
export function restoreGlobalDispatcher(): void {
  if (slots[legacy] !== before) slots[legacy] = before
}

/** The dispatcher the platform's fetch would use by itself, looked up at each use. */
export function platformDispatcher(): unknown {
  // undici 7 sets both, and uses the first.
  return Number(builtin) >= 8 ? (slots[current] ?? slots[legacy]) : slots[legacy]
}

/** Puts interceptors around the global dispatchers of every generation of undici, the platform's and npm's. */
export function composeGlobalDispatchers(...interceptors: readonly unknown[]): void {
  // undici 6 is loaded, and takes its place, at the first use of its globals.
  void globalThis.Response
  for (const slot of [legacy, current]) {
    const { compose } = slots[slot] as { compose: (this: unknown, ...args: readonly unknown[]) => unknown }
    slots[slot] = compose.call(slots[slot], ...interceptors)
  }
}
