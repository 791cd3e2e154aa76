/**
 * Importing npm's undici sets process-wide symbols, and so can change the dispatcher of the platform's fetch
 * (this is visible with NODE_USE_ENV_PROXY). This module is imported before undici and stores the previous
 * values.
 */
refuseOtherRuntimes(process.versions)

/** Before undici, whose import fails with a TypeError of its own on an older Node. */
function refuseOtherRuntimes({ node, bun }: { readonly [name: string]: string | undefined }): void {
  const [major = 0, minor = 0] = (node ?? '').split('.').map(Number)
  if (bun === undefined && (major > 22 || (major === 22 && minor >= 19))) return
  const actual = bun === undefined ? `Node.js ${node}` : `Bun ${bun}`
  throw new Error(`Outrigger needs Node.js 22.19 or newer, and this is ${actual}`)
}

const legacy = Symbol.for('undici.globalDispatcher.1')
const current = Symbol.for('undici.globalDispatcher.2')

type Slots = Record<symbol, unknown>
const slots = globalThis as unknown as Slots

const [builtin = '0'] = (process.versions['undici'] ?? '').split('.')

// The platform's undici 8 reads only the second symbol. Load it first, or it would use npm's agent. Earlier
// versions read the first symbol and set both when they are loaded, at the first fetch. To load them here would
// be a tenth of the time of our import.
if (Number(builtin) >= 8 && slots[current] === undefined) void globalThis.Response

const before = slots[legacy]

/** Restores the platform's dispatcher. */
export function restoreGlobalDispatcher(): void {
  if (slots[legacy] !== before) slots[legacy] = before
}

/** Returns the dispatcher that the platform's fetch uses now. */
export function platformDispatcher(): unknown {
  // undici 7 sets both symbols and uses the first.
  return Number(builtin) >= 8 ? (slots[current] ?? slots[legacy]) : slots[legacy]
}

/** Adds interceptors to the global dispatchers of every version of undici, those of the platform and of npm. */
export function composeGlobalDispatchers(...interceptors: readonly unknown[]): void {
  // The platform's undici 6 sets its dispatcher when one of its globals is first used.
  void globalThis.Response
  for (const slot of [legacy, current]) {
    const { compose } = slots[slot] as { compose: (this: unknown, ...args: readonly unknown[]) => unknown }
    slots[slot] = compose.call(slots[slot], ...interceptors)
  }
}
