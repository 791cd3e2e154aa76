/** The functions that make a strategy. Given in the place of one, they were not called. */
export const factories: WeakSet<object> = new WeakSet()
