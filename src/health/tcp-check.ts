import { connect } from 'node:net'
import type { Check } from './health.ts'
import { targetOf } from './target.ts'

/** Checks by opening a connection. Sends nothing. */
export function tcpCheck(port: number | undefined): Check {
  return (url, done) => {
    const { origin, socketPath } = targetOf(url, port)
    const { hostname, port: given, protocol } = new URL(origin)
    const host = hostname.replaceAll(/[[\]]/g, '')
    const socket = connect(
      socketPath === undefined
        ? { host, port: Number(given) || (protocol === 'https:' ? 443 : 80) }
        : { path: socketPath },
    )
    socket.unref()
    socket.once('connect', () => {
      socket.destroy()
      done({ outcome: 'pass' })
    })
    socket.on('error', (error) => done({ outcome: 'fail', failure: { reason: 'error', error } }))
    return () => void socket.destroy()
  }
}
