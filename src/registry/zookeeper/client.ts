import type { Clock } from '../../clock.ts'
import { checkMethods } from '../../options.ts'
import { bounded } from '../bounded.ts'

type Callback<T> = (error: Error | null, result: T) => void

/** The part of a node's stat that is read. Its numbers are 64 bits wide. */
export interface ZooKeeperStat {
  readonly ephemeralOwner: Buffer
}

/** The methods that are used of a client of the package `node-zookeeper-client`. */
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

/** A ZooKeeper client, or a function that returns a new one. */
export type ZooKeeperClientOption = ZooKeeperClient | (() => ZooKeeperClient)

/** Error codes of ZooKeeper. */
const NO_NODE = -101
const NODE_EXISTS = -110

/** The code of `State.SYNC_CONNECTED`. */
const SYNC_CONNECTED = 3

/** `CreateMode.EPHEMERAL`: ZooKeeper deletes the node at the end of its session. */
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
 * Returns the same client while its session lives, then a new one, because an expired client never recovers. A
 * server that lost its data always rejects a client that has seen newer data. So a client that has been
 * disconnected for longer than its session timeout is replaced too.
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
      throw new Error(
        'zookeeper: the session has expired and its client is unusable; set client to a function that returns a new one',
      )
    }
    const client = this.#option()
    checkMethods('client', client, METHODS)
    if (client === old) throw new TypeError('client() must return a new client after a session has expired')
    old?.close()
    return this.#use(client)
  }

  /** Whether the session of this client is over. */
  isOver(client: ZooKeeperClient): boolean {
    return client !== this.#client || this.#isOver
  }

  get #isOver(): boolean {
    if (this.#expired || this.#downSince === undefined) return this.#expired
    // A single client cannot be replaced, and it may still reconnect.
    if (typeof this.#option !== 'function' || !this.#client) return false
    return this.#clock.now() - this.#downSince > this.#client.getSessionTimeout()
  }

  #use(client: ZooKeeperClient): ZooKeeperClient {
    this.#client = client
    this.#expired = false
    // A server that has just started to listen may accept a connection and never answer. Its client would then
    // wait without end.
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
 * Works around a bug of node-zookeeper-client 1.1: when a connection ends in the middle of a packet, it keeps
 * the first part and appends the data of the next connection to it. It then reads from the wrong byte and
 * throws in its own listener, which ends the process.
 */
function dropHalfPacket(client: ZooKeeperClient): void {
  const { connectionManager } = client as { connectionManager?: { pendingBuffer?: unknown } }
  if (connectionManager?.pendingBuffer) connectionManager.pendingBuffer = null
}

/** Whether the client reports that it is connected, which it does if it was connected before we got it. */
function isConnected(client: ZooKeeperClient): boolean {
  const { code } = (client.getState?.() ?? {}) as { code?: unknown }
  return code === SYNC_CONNECTED
}

/**
 * The operations of one client as promises. Each has a timeout, because a client does not report that its
 * server is frozen.
 */
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

  /** Returns undefined when the node does not exist. `wake` is called when that, or its list of children, changes. */
  async children(path: string, wake: () => void): Promise<string[] | undefined> {
    const stat = await this.#run<ZooKeeperStat | null>((done) => this.client.exists(path, wake, done))
    if (!stat) return undefined
    return this.#run<string[] | undefined>((done) => this.client.getChildren(path, wake, done), NO_NODE)
  }

  /** Returns undefined when the node no longer exists, and an empty string for a node without data. */
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

  /**
   * Writes a node of this session. Replaces a node of this name that another session left, for example that of
   * a crashed process.
   */
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

  /** If the call fails with `code`, resolves with `otherwise` instead. */
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
