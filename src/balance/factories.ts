/**
 * The functions that make strategies. `asBalancer` uses it to detect a strategy function that was passed without being
 * called.
 */
export const factories: WeakSet<object> = new WeakSet()
