/** An event that is still being built. */
export type Writable<T> = { -readonly [K in keyof T]: T[K] }
