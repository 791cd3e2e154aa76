/** Only those types of each peer that the rows use. So the benchmark can be type-checked without the peers. */
interface Fires {
  fire(...args: unknown[]): Promise<unknown>
  open(): void
}
interface Executes {
  execute<T>(fn: () => Promise<T>): Promise<T>
  isolate(): unknown
}
type Handler = () => void

export interface Peers {
  opossum: {
    default: new (fn: (...args: never[]) => Promise<unknown>, options: Record<string, unknown>) => Fires
  }
  cockatiel: {
    handleAll: unknown
    circuitBreaker: (policy: unknown, options: { halfOpenAfter: number; breaker: object }) => Executes
    ConsecutiveBreaker: new (failures: number) => object
    SamplingBreaker: new (options: { threshold: number; duration: number }) => object
  }
  got: { default: { extend(options: object): { get(url: string): { json(): Promise<unknown> } } } }
  axios: { default: { create(options: object): { get(url: string): Promise<{ data: unknown }> } } }
  ky: { default: { create(options: object): { get(url: string): { json(): Promise<unknown> } } } }
  ofetch: { ofetch: { create(options: object): (url: string) => Promise<unknown> } }
  'find-my-way': {
    default: () => {
      on(method: string, path: string, handler: Handler): void
      find(method: string, path: string): unknown
    }
  }
}

/** Resolved from this folder, which has its own `node_modules`. */
export async function load<Name extends keyof Peers>(name: Name): Promise<Peers[Name]> {
  return (await import(name)) as Peers[Name]
}
