import { describe, expect, it } from 'vitest'
import { CHILD_TIMEOUT, runChild } from '../support/child.ts'
import { refusedUrl } from '../support/http-server.ts'

/** Returns what a process sees without the library and with it. */
async function withAndWithout(
  code: (load: string) => string,
  env: Record<string, string> = {},
): Promise<[unknown, unknown]> {
  const [without, with_] = await Promise.all([
    runChild(code(''), env),
    runChild(code(`await import('./src/index.ts')`), env),
  ])
  expect([without.stderr, with_.stderr]).toEqual(['', ''])
  return [JSON.parse(without.stdout), JSON.parse(with_.stdout)]
}

/** A proxy that records its requests and rejects them. `asked` are those after a fetch of the platform. */
const fetchBehindProxy = (load: string): string => `
  import { createServer } from 'node:net'
  import { once } from 'node:events'
  import { spawnSync } from 'node:child_process'
  const asked = []
  const proxy = createServer((socket) => socket.on('error', () => {}).once('data', (data) => {
    asked.push(String(data).split('\\r\\n')[0])
    socket.end('HTTP/1.1 403 Forbidden\\r\\nconnection: close\\r\\ncontent-length: 0\\r\\n\\r\\n')
  }))
  proxy.listen(Number(process.env.PROXY_PORT), '127.0.0.1')
  await once(proxy, 'listening')
  ${load}
  await fetch('http://stranger.test/').catch(() => {})
  ${load && OWN_CALL}
  proxy.close()
  console.log(JSON.stringify({ asked }))
`

/** Calls to an instance do not use the proxy. */
const OWN_CALL = `
  const { createServer: createHttpServer } = await import('node:http')
  const server = createHttpServer((_request, response) => response.end('direct')).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { createClient, fixed } = await import('./src/index.ts')
  const client = createClient({ service: 'user-service', source: fixed(['http://127.0.0.1:' + server.address().port]) })
  const text = await (await client('/')).text()
  if (text !== 'direct') throw new Error(text)
  await client.close()
  server.close()
`

/** The origins of requests that use the platform's global dispatcher. */
const RECORD_DISPATCHES = `
  await fetch('data:,')
  await fetch('http://127.0.0.1:40001/').catch(() => {})
  const seen = []
  for (const slot of Object.getOwnPropertySymbols(globalThis)) {
    if (!slot.description.startsWith('undici.globalDispatcher')) continue
    const platform = globalThis[slot]
    let used = false
    const recorder = new Proxy(platform, {
      get(target, name) {
        if (name !== 'dispatch') return Reflect.get(target, name, target)
        return (options, handler) => {
          used = true
          seen.push(String(options.origin))
          return target.dispatch(options, handler)
        }
      },
    })
    globalThis[slot] = recorder
    await fetch('http://127.0.0.1:40001/').catch(() => {})
    if (!used) globalThis[slot] = platform
  }
  seen.length = 0
`

describe('another runtime', { timeout: CHILD_TIMEOUT }, () => {
  const pretend = (versions: object): string => `
    const versions = { ...process.versions, ...${JSON.stringify(versions)} }
    Object.defineProperty(process, 'versions', { value: versions })
  `

  it.each([
    [{ node: '20.20.2' }, 'this is Node.js 20.20.2'],
    [{ node: '22.18.0' }, 'this is Node.js 22.18.0'],
    [{ node: '24.3.0', bun: '1.4.5' }, 'this is Bun 1.4.5'],
  ])('%o gets an error message before undici is loaded', async (versions, actual) => {
    const code = `
      ${pretend(versions)}
      await import('./src/index.ts').catch((error) => console.log(error.message))
    `
    const { stdout } = await runChild(code)
    expect(stdout).toBe(`Outrigger needs Node.js 22.19 or newer, and ${actual}\n`)
  })

  it('Deno: a fetch that ignores the dispatcher is not called, while undici’s fetch and request() work', async () => {
    const code = (fetch: string): string => `
      ${pretend({ deno: '2.9.6' })}
      const { createServer } = await import('node:http')
      const server = createServer((_request, response) => response.end('direct')).listen(0, '127.0.0.1')
      await new Promise((resolve) => server.once('listening', resolve))
      globalThis.fetch = ${fetch}
      const { createClient, fixed } = await import('./src/index.ts')
      const source = fixed(['http://127.0.0.1:' + server.address().port])
      const client = createClient({ service: 'user-service', source })
      console.log(await client('/').then((response) => response.text(), String))
      console.log(await (await client.request('/')).body.text())
      await client.close()
      server.close()
    `
    const own = await runChild(code(`() => console.log('asked')`))
    const undicis = await runChild(code(`(await import('undici')).fetch`))
    expect([own.stderr, undicis.stderr]).toEqual(['', ''])
    expect(own.stdout).toMatch(
      /^TypeError: Deno's fetch cannot send to an instance: .*request\(\)\ndirect\n$/,
    )
    expect(undicis.stdout).toBe('direct\ndirect\n')
  })
})

describe('importing the library', { timeout: CHILD_TIMEOUT }, () => {
  it.each([
    ['before', `await fetch('data:,')`, ''],
    ['after', '', `await fetch('data:,')`],
  ])('keeps the platform’s global dispatcher if fetch is first used %s it', async (_when, before, after) => {
    const [without, with_] = await withAndWithout(
      (load) => `
        const legacy = Symbol.for('undici.globalDispatcher.1')
        ${before}
        const first = globalThis[legacy]
        ${load}
        ${after}
        const last = globalThis[legacy]
        console.log(JSON.stringify({ kind: last?.constructor.name, kept: first === undefined || first === last }))
      `,
    )
    expect(with_).toEqual(without)
    expect(with_).toMatchObject({ kept: true })
  })

  it('lets the first fetch load the platform’s undici, which then does not adopt npm’s dispatcher', async () => {
    const { stdout } = await runChild(`
      await import('./src/index.ts')
      console.log(globalThis[Symbol.for('undici.globalDispatcher.1')] === undefined)
    `)
    const [major = '0'] = (process.versions['undici'] ?? '').split('.')
    expect(stdout.trim()).toBe(String(Number(major) < 8))
  })

  it('keeps the user’s global dispatcher, and fetch uses it', async () => {
    const [without, with_] = await withAndWithout(
      (load) => `
        ${RECORD_DISPATCHES}
        ${load}
        await fetch('http://127.0.0.1:40001/').catch(() => {})
        console.log(JSON.stringify({ seen }))
      `,
    )
    expect(with_).toEqual(without)
    expect(with_).toEqual({ seen: ['http://127.0.0.1:40001'] })
  })

  it('sends redirects to other hosts with the user’s global dispatcher', async () => {
    const { stdout, stderr } = await runChild(`
      import { createServer } from 'node:http'
      import { once } from 'node:events'
      import { createClient, fixed } from './src/index.ts'
      ${RECORD_DISPATCHES}
      const server = createServer((_request, response) =>
        response.writeHead(302, { location: 'http://127.0.0.1:40001/' }).end()).listen(0, '127.0.0.1')
      await once(server, 'listening')
      const source = fixed(['http://127.0.0.1:' + server.address().port])
      const client = createClient({ service: 'user-service', source, retry: false })
      await client('/').catch(() => {})
      await client.close()
      server.close()
      console.log(JSON.stringify({ seen }))
    `)
    expect({ stdout: JSON.parse(stdout) as unknown, stderr }).toEqual({
      stdout: { seen: ['http://127.0.0.1:40001'] },
      stderr: '',
    })
  })

  it('keeps the proxy of NODE_USE_ENV_PROXY for fetch, and does not use it for the client’s calls', async () => {
    const proxied = async (port: string, code: string): Promise<unknown> => {
      const env = {
        NODE_USE_ENV_PROXY: '1',
        HTTP_PROXY: `http://127.0.0.1:${port}`,
        NO_PROXY: '',
        PROXY_PORT: port,
      }
      const { stdout, stderr } = await runChild(code, env)
      expect(stderr).toBe('')
      return JSON.parse(stdout)
    }
    const port = await freePort()
    const without = await proxied(port, fetchBehindProxy(''))
    // Node 22.19 and 22.20 do not support the variable, also with the library.
    expect(await proxied(port, fetchBehindProxy(`await import('./src/index.ts')`))).toEqual(without)
  })
})

/** A process reads proxy variables when it starts, so the port must be known before. */
async function freePort(): Promise<string> {
  return new URL(await refusedUrl()).port
}
