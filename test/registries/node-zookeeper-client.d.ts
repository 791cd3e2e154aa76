/** What the tests need of a package that has no types. */
declare module 'node-zookeeper-client' {
  type Callback<T> = (error: Error | null, result: T) => void

  interface Stat {
    readonly ephemeralOwner: Buffer
  }

  export interface Client {
    connect(): void
    close(): void
    getChildren(path: string, watcher: () => void, callback: Callback<string[]>): void
    getData(path: string, watcher: () => void, callback: Callback<Buffer | undefined>): void
    exists(path: string, watcher: () => void, callback: Callback<Stat | null>): void
    exists(path: string, callback: Callback<Stat | null>): void
    create(path: string, data: Buffer, callback: (error: Error | null) => void): void
    create(path: string, data: Buffer, mode: number, callback: Callback<string>): void
    setData(path: string, data: Buffer, callback: Callback<Stat>): void
    remove(path: string, callback: (error: Error | null) => void): void
    mkdirp(path: string, callback: Callback<string>): void
    getSessionId(): Buffer
    getSessionTimeout(): number
    emit(event: 'expired'): boolean
    on(event: 'expired' | 'connected' | 'disconnected', listener: () => void): unknown
    once(event: 'connected' | 'expired' | 'disconnected', listener: () => void): unknown
  }

  const zookeeper: {
    createClient(
      servers: string,
      options?: { sessionTimeout?: number; spinDelay?: number; retries?: number },
    ): Client
  }
  export default zookeeper
}
