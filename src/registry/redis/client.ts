import { quote } from '../../options.ts'

/** The methods that are used of a client of the package `ioredis`, a `Redis` or a `Cluster`. */
export interface IoredisClient {
  call(command: string, ...args: string[]): Promise<unknown>
  duplicate(): IoredisSubscriber
}

interface IoredisSubscriber {
  subscribe(channel: string): Promise<unknown>
  unsubscribe(channel: string): Promise<unknown>
  on(event: string, listener: (value: string) => void): unknown
  disconnect(): void
}

/** The methods that are used of a client of the package `redis`. */
export interface NodeRedisClient {
  sendCommand(args: string[]): Promise<unknown>
  duplicate(): NodeRedisSubscriber
}

interface NodeRedisSubscriber {
  connect(): Promise<unknown>
  subscribe(channel: string, listener: (message: string) => void): Promise<unknown>
  unsubscribe(channel: string): Promise<unknown>
  on(event: string, listener: (value: string) => void): unknown
  destroy(): void
}

/** A client of the package `ioredis` or `redis`. */
export type RedisClient = IoredisClient | NodeRedisClient

/** Sends one command. */
export type Send = (...args: string[]) => Promise<unknown>

/** The channels of one connection. `onHint` is called for each message, and when the connection is restored. */
export interface Subscriber {
  subscribe(channel: string): Promise<unknown>
  unsubscribe(channel: string): Promise<unknown>
  close(): void
}

export function checkClient(client: unknown): void {
  if (typeof client === 'object' && client !== null && 'duplicate' in client) {
    if ('call' in client || 'sendCommand' in client) return
  }
  throw new TypeError(`client must be a client of the package ioredis or redis, got ${quote(client)}`)
}

export function sender(client: RedisClient): Send {
  // A client of ioredis also has a sendCommand(), with other arguments.
  if ('call' in client) return (command = '', ...args) => client.call(command, ...args)
  return (...args) => client.sendCommand(args)
}

/**
 * Opens a separate connection, because a subscribed connection cannot send other commands. Its client
 * reconnects by itself.
 */
export function openSubscriber(client: RedisClient, onHint: (channel?: string) => void): Subscriber {
  return 'call' in client ? ioredisSubscriber(client, onHint) : nodeRedisSubscriber(client, onHint)
}

function ioredisSubscriber(client: IoredisClient, onHint: (channel?: string) => void): Subscriber {
  const connection = client.duplicate()
  // The reads use the same server and report its errors.
  connection.on('error', () => {})
  connection.on('message', (channel: string) => onHint(channel))
  connection.on('ready', () => onHint())
  return {
    subscribe: (channel) => connection.subscribe(channel),
    unsubscribe: (channel) => connection.unsubscribe(channel),
    close: () => connection.disconnect(),
  }
}

function nodeRedisSubscriber(client: NodeRedisClient, onHint: (channel?: string) => void): Subscriber {
  const connection = client.duplicate()
  connection.on('error', () => {})
  connection.on('ready', () => onHint())
  const connected = connection.connect()
  connected.catch(() => {})
  return {
    subscribe: async (channel) => {
      await connected
      await connection.subscribe(channel, () => onHint(channel))
    },
    unsubscribe: (channel) => connection.unsubscribe(channel),
    close: () => {
      const end = (): void => {
        try {
          connection.destroy()
        } catch {
          // The connection is not open.
        }
      }
      end()
      // destroy() has no effect on a connection that is still connecting, so destroy it again afterwards.
      connected.then(end, end)
    },
  }
}
