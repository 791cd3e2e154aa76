import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const breakerModule = new URL('../../src/breaker/circuit-breaker.ts', import.meta.url).href

async function node(script: string, ...flags: string[]): Promise<string> {
  const source = `import { CircuitBreaker } from ${JSON.stringify(breakerModule)}\n${script}`
  const args = [...flags, '--disable-warning=ExperimentalWarning', '--input-type=module', '--eval', source]
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 30_000 })
  return stdout.trim()
}

const TRIP = `await breaker.execute(() => Promise.reject(new Error('boom'))).catch(() => {})`

test('a process with an open breaker exits by itself', async () => {
  const script = `
    const breaker = new CircuitBreaker({ failureThreshold: 1, openFor: 3_600_000 })
    breaker.on('open', () => {})
    ${TRIP}
    console.log(breaker.state)`
  expect(await node(script)).toBe('open')
})

test('a dropped breaker is garbage-collected, also while open and with listeners', async () => {
  const script = `
    async function make() {
      const breaker = new CircuitBreaker({ failureThreshold: 1, openFor: 3_600_000 })
      breaker.on('open', () => breaker.state)
      ${TRIP}
      return new WeakRef(breaker)
    }
    const ref = await make()
    for (let i = 0; i < 20 && ref.deref(); i++) {
      await new Promise((resolve) => setTimeout(resolve, 5))
      gc()
    }
    console.log(ref.deref() === undefined)`
  expect(await node(script, '--expose-gc')).toBe('true')
})

test('ten thousand closed breakers take less than 1 kB each', async () => {
  const script = `
    const breakers = Array.from({ length: 10_000 })
    for (let i = 0; i < 100; i++) await new CircuitBreaker().execute(() => i)
    gc()
    const before = process.memoryUsage().heapUsed
    for (let i = 0; i < breakers.length; i++) breakers[i] = new CircuitBreaker()
    gc()
    console.log(Math.ceil((process.memoryUsage().heapUsed - before) / breakers.length))`
  expect(Number(await node(script, '--expose-gc'))).toBeLessThan(1_024)
})
