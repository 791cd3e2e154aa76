/** None, one or more of something; nearly always none or one, which needs no Set. */
export type Several<T> = T | Set<T> | undefined

export function isIn<T>(several: Several<T>, each: T): boolean {
  return several instanceof Set ? several.has(each) : several === each
}

export function including<T>(several: Several<T>, each: T): Several<T> {
  if (several === undefined || several === each) return each
  return several instanceof Set ? several.add(each) : new Set([several, each])
}
