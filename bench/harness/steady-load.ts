import { Agent, get } from 'node:http'
import { performance } from 'node:perf_hooks'

/**
 * A child process of the harness: it requests `/` of a server at a fixed rate, whatever the responses are. The message
 * `open` with a URL makes it read a dashboard's stream like a browser tab, and it answers when the stream is open. The
 * message `close` ends the stream.
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
