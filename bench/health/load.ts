/** Measures the CPU time of one health check on a Node.js server, in microseconds. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { httpCheck } from '../../src/health/http-check.ts'
import { healthPolicy } from '../../src/health/policy.ts'
import { cert } from '../../test/support/tls.ts'

const CHECKS = 5_000
const AT_A_TIME = 8

for (const scheme of ['http', 'https'] as const) {
  const child = fork(new URL('load-server.ts', import.meta.url), [scheme])
  const [{ port }] = (await once(child, 'message')) as [{ port: number }]
  const transport = { connect: { ca: cert }, allowH2: false }
  const check = httpCheck(healthPolicy({ path: '/healthz' }), transport, {
    host: 'user-service',
    servername: 'user-service',
  })
  const one = (): Promise<void> =>
    new Promise((resolve, reject) => {
      check(`${scheme}://127.0.0.1:${port}`, (result) => {
        if (result.outcome === 'pass') resolve()
        else reject(new Error(JSON.stringify(result)))
      })
    })
  const many = async (count: number): Promise<void> => {
    for (let left = count; left > 0; left--) await one()
  }
  const used = async (): Promise<number> => {
    child.send('cpu')
    const [{ user, system }] = (await once(child, 'message')) as [NodeJS.CpuUsage]
    return user + system
  }
  await many(500)
  const before = await used()
  await Promise.all(Array.from({ length: AT_A_TIME }, () => many(CHECKS / AT_A_TIME)))
  console.log(`${scheme}: ${Math.round(((await used()) - before) / CHECKS)} µs of the server's CPU a check`)
  child.kill()
}
