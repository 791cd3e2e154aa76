import type { Clock } from '../../clock.ts'
import { checkMethods } from '../../options.ts'
import { bounded } from '../bounded.ts'

type Callback<T> = (error: Error | null, result: T) => void

/** What is read of a node's state; the numbers are 64 bits wide. */
export interface ZooKeeperStat {
  readonly ephemeralOwner: Buffer
}

/** What is needed of a client of the package `node-zookeeper-client`. */
export interface ZooKeeperClient {
  getChildren(path: string, watcher: () => void, callback: Callback<string[]>): void
  getData(path: string, watcher: () => void, callback: Callback<Buffer | undefined>): void
  exists(path: string, watcher: () => void, callback: Callback<ZooKeeperStat | null>): void
  exists(path: string, callback: Callback<ZooKeeperStat | null>): void
  create(path: string, data: Buffer, mode: number, callback: Callback<string>): void
  setData(path: string, data: Buffer, callback: Callback<ZooKeeperStat>): void
  remove(path: string, callback: (error: Error | null) => void): void
  mkdirp(path: string, callback: Callback<string>): void
  getSessionId(): Buffer
  getSessionTimeout(): number
  getState?(): unknown
  close(): void
  on(event: 'expired' | 'connected' | 'disconnected', listener: () => void): unknown
}

/** A client of ZooKeeper, or a function that gives a new one. */
export type ZooKeeperClientOption = ZooKeeperClient | (() => ZooKeeperClient)

/** Codes of ZooKeeper's errors. */
const NO_NODE = -101
const NODE_EXISTS = -110

/** The code of `State.SYNC_CONNECTED`. */
const SYNC_CONNECTED = 3

/** `CreateMode.EPHEMERAL`: the node goes with its session. */
const EPHEMERAL = 1

const METHODS = [
  'getChildren',
  'getData',
  'exists',
  'create',
  'setData',
  'remove',
  'mkdirp',
  'getSessionId',
  'getSessionTimeout',
  'close',
  'on',
]

/**
 * Gives the client as long as its session lives, and then a new one: an expired one never comes back. Nor does one that
 * has seen more than a server which lost its data: that refuses it for ever. So a client that has been disconnected for
 * as long as its session may last is given up as well.
 */
export class Sessions {
  readonly #option: ZooKeeperClientOption
  readonly #clock: Clock
  #client: ZooKeeperClient | undefined
  #expired = false
  #downSince: number | undefined

  constructor(option: ZooKeeperClientOption, clock: Clock) {
    if (typeof option !== 'function') checkMethods('client', option, METHODS)
    this.#option = option
    this.#clock = clock
  }

  get client(): ZooKeeperClient {
    const old = this.#client
    if (old && !this.#isOver) return old
    if (typeof this.#option !== 'function') {
      if (!old) return this.#use(this.#option)
      throw new Error('zookeeper: the session has expired, and its client with it: give client as a function')
    }
    const client = this.#option()
    checkMethods('client', client, METHODS)
    if (client === old) throw new TypeError('client() must give a new client after a session has expired')
    old?.close()
    return this.#use(client)
  }

  /** Whether this client's session is over. */
  isOver(client: ZooKeeperClient): boolean {
    return client !== this.#client || this.#isOver
  }

  get #isOver(): boolean {
    if (this.#expired || this.#downSince === undefined) return this.#expired
    // A single client may come back yet, and there is no other.
    if (typeof this.#option !== 'function' || !this.#client) return false
    return this.#clock.now() - this.#downSince > this.#client.getSessionTimeout()
  }

  #use(client: ZooKeeperClient): ZooKeeperClient {
    this.#client = client
    this.#expired = false
    // A server that has just begun to listen may take a connection and never answer: its client would wait for ever.
    this.#downSince = isConnected(client) ? undefined : this.#clock.now()
    const on = (event: Parameters<ZooKeeperClient['on']>[0], listener: () => void): void => {
      client.on(event, () => {
        if (this.#client === client) listener()
      })
    }
    on('expired', () => {
      this.#expired = true
    })
    on('disconnected', () => {
      this.#downSince ??= this.#clock.now()
      dropHalfPacket(client)
    })
    on('connected', () => {
      this.#downSince = undefined
    })
    return client
  }
}

/**
 * node-zookeeper-client 1.1 keeps the half of a packet in which its connection was cut, and reads the next connection behind it: from the
 * wrong byte, with an exception in its own listener that ends the process.
 */
function dropHalfPacket(client: ZooKeeperClient): void {
  const { connectionManager } = client as { connectionManager?: { pendingBuffer?: unknown } }
  if (connectionManager?.pendingBuffer) connectionManager.pendingBuffer = null
}

/** Whether it says so; only a client that was connected before it was given to us. */
function isConnected(client: ZooKeeperClient): boolean {
  const { code } = (client.getState?.() ?? {}) as { code?: unknown }
  return code === SYNC_CONNECTED
}

/** One client's operations as promises, each bounded: a client never tells that its server is frozen. */
export class Operations {
  readonly client: ZooKeeperClient
  readonly #clock: Clock
  readonly #timeout: number
  readonly #signal: AbortSignal

  constructor(
    client: ZooKeeperClient,
    { clock, timeout, signal }: { clock: Clock; timeout: number; signal: AbortSignal },
  ) {
    this.client = client
    this.#clock = clock
    this.#timeout = timeout
    this.#signal = signal
  }

  /** Undefined when there is no such node; `wake` is told when that changes, or its children do. */
  async children(path: string, wake: () => void): Promise<string[] | undefined> {
    const stat = await this.#run<ZooKeeperStat | null>((done) => this.client.exists(path, wake, done))
    if (!stat) return undefined
    return this.#run<string[] | undefined>((done) => this.client.getChildren(path, wake, done), NO_NODE)
  }

  /** Undefined when the node has gone meanwhile; empty for a node without data. */
  async data(path: string, wake: () => void): Promise<string | undefined> {
    const gone = Symbol('gone')
    const run = (done: Callback<Buffer | undefined>): void => this.client.getData(path, wake, done)
    const data = await this.#run<Buffer | undefined | typeof gone>(run, NO_NODE, gone)
    return data === gone ? undefined : (data?.toString() ?? '')
  }

  async isOwn(path: string): Promise<boolean> {
    const stat = await this.#run<ZooKeeperStat | null>((done) => this.client.exists(path, done))
    return stat ? stat.ephemeralOwner.equals(this.client.getSessionId()) : false
  }

  /** A node of this session; what another session left under its name, as a crashed process does, is replaced. */
  async putOwn(parent: string, path: string, data: Buffer): Promise<void> {
    await this.#run<string>((done) => this.client.mkdirp(parent, done))
    if (await this.isOwn(path)) {
      await this.#run<ZooKeeperStat>((done) => this.client.setData(path, data, done))
      return
    }
    await this.remove(path)
    await this.#run<string | undefined>(
      (done) => this.client.create(path, data, EPHEMERAL, done),
      NODE_EXISTS,
    )
    if (!(await this.isOwn(path))) throw new Error(`zookeeper: another session holds ${path}`)
  }

  async remove(path: string): Promise<void> {
    await this.#run<void>((done) => this.client.remove(path, (error) => done(error, undefined)), NO_NODE)
  }

  /** `otherwise` is the result when it fails with the code that counts as an answer. */
  #run<T>(call: (done: Callback<T>) => void, code?: number, otherwise?: T): Promise<T> {
    const work = (): Promise<T> =>
      new Promise((resolve, reject) => {
        call((error: (Error & { code?: unknown; getCode?: () => unknown }) | null, result: T) => {
          if (!error) resolve(result)
          else if (code !== undefined && (error.getCode?.() ?? error.code) === code) resolve(otherwise as T)
          else reject(new Error(`zookeeper: ${error.message}`, { cause: error }))
        })
      })
    return bounded(this.#clock, this.#timeout, work, { parent: this.#signal })
  }
}
