import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { expect, onTestFinished, test } from 'vitest'
import { FailoverResolver } from '../../src/registry/dns/failover.ts'

/** A name server that answers each query with this code, or with the address 10.0.0.1 for the code 0. */
async function nameServer(code: number): Promise<{ address: string; asked: () => number }> {
  const socket = createSocket('udp4')
  let asked = 0
  socket.on('message', (query, { port, address }) => {
    asked++
    const answer = Buffer.from(query)
    answer[2] = (answer[2] ?? 0) | 0x80
    answer[3] = code
    if (code !== 0) return socket.send(answer, port, address)
    // Only the question, without what the query may add to it (EDNS).
    const end = query.indexOf(0, 12) + 5
    answer.writeUInt16BE(1, 6)
    answer.writeUInt16BE(0, 10)
    const record = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 10, 0, 0, 1])
    socket.send(Buffer.concat([answer.subarray(0, end), record]), port, address)
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  onTestFinished(() => void socket.close())
  return { address: `127.0.0.1:${socket.address().port}`, asked: () => asked }
}

test.each([
  ['FORMERR', 1],
  ['SERVFAIL', 2],
  ['NOTIMP', 4],
  ['REFUSED', 5],
])('after a %s the next server is queried, and it is queried first the next time', async (_, code) => {
  const broken = await nameServer(code)
  const healthy = await nameServer(0)
  const resolver = new FailoverResolver([broken.address, healthy.address], 5_000)
  expect(await resolver.resolve4('a.test', { ttl: true })).toEqual([{ address: '10.0.0.1', ttl: 9 }])
  const asked = broken.asked()
  expect(asked).toBeGreaterThan(0)
  await resolver.resolve4('a.test', { ttl: true })
  expect(broken.asked()).toBe(asked)
})

test('a name that does not exist is an answer: no other server is queried', async () => {
  const knows = await nameServer(3)
  const other = await nameServer(0)
  const resolver = new FailoverResolver([knows.address, other.address], 5_000)
  await expect(resolver.resolve4('a.test', { ttl: true })).rejects.toMatchObject({ code: 'ENOTFOUND' })
  expect(other.asked()).toBe(0)
})

test('when all servers fail, each is queried and the last error is thrown', async () => {
  const [first, second] = [await nameServer(2), await nameServer(5)]
  const resolver = new FailoverResolver([first.address, second.address], 5_000)
  await expect(resolver.resolve4('a.test', { ttl: true })).rejects.toMatchObject({ code: 'EREFUSED' })
  expect(first.asked()).toBeGreaterThan(0)
})

test('cancel() ends a query, and no other server is queried', async () => {
  const mute = createSocket('udp4').bind(0, '127.0.0.1')
  await once(mute, 'listening')
  onTestFinished(() => void mute.close())
  const other = await nameServer(0)
  const resolver = new FailoverResolver([`127.0.0.1:${mute.address().port}`, other.address], 60_000)
  const asking = resolver.resolve4('a.test', { ttl: true })
  resolver.cancel()
  await expect(asking).rejects.toMatchObject({ code: 'ECANCELLED' })
  expect(other.asked()).toBe(0)
})
