import { EventEmitter } from 'node:events'
import { expect, it } from 'vitest'
import { Sessions, type ZooKeeperClient } from '../../src/registry/zookeeper/client.ts'
import { ManualClock } from '../../src/testing/clock.ts'

const METHODS = 'getChildren getData exists create setData remove mkdirp getSessionId getSessionTimeout close'

it.each([{ pendingBuffer: Buffer.of(0, 0, 1) }, { pendingBuffer: null }, undefined])(
  'the part of a packet before a lost connection is not prepended to the next connection: %j',
  (connectionManager) => {
    const methods = Object.fromEntries(METHODS.split(' ').map((name) => [name, () => {}]))
    const client = Object.assign(new EventEmitter(), methods, { connectionManager })
    const sessions = new Sessions(client as unknown as ZooKeeperClient, new ManualClock())
    expect(sessions.client).toBe(client)
    client.emit('disconnected')
    expect(connectionManager?.pendingBuffer ?? null).toBeNull()
  },
)
