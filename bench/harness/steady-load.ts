import { Agent, get } from 'node:http'
import { performance } from 'node:perf_hooks'

/**
 * A child of the harness: asks a server for `/` so many times a second, evenly, whatever the answers do. Told `open` with a
 * URL, it reads the stream of a dashboard as a tab does, and says so once the stream is open; told `close`, it leaves.
 */
const [origin = '', perSecond = '1000'] = process.argv.slice(2)
const agent = new Agent({ keepAlive: true, maxSockets: 64 })
let due = 0
let last = performance.now()
setInterval(() => {
  const now = performance.now()
  due += ((now - last) / 1000) * Number(perSecond)
  last = now
  for (; due >= 1; due--) get(origin, { agent }, (response) => response.resume()).on('error', () => {})
}, 1)

let leave = (): void => {}
process.on('message', ({ open, close }: { open?: string; close?: true }) => {
  if (close) {
    leave()
    process.send?.('closed')
  }
  if (open !== undefined) {
    const stream = get(open, (response) => {
      process.send?.('open')
      response.on('error', () => {}).resume()
    })
    stream.on('error', () => {})
    leave = () => void stream.destroy()
  }
})
process.on('disconnect', () => process.exit())
process.send?.('ready')
