import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'
import { afterAll, expect, it } from 'vitest'
import { CHILD_TIMEOUT } from '../support/child.ts'

const root = new URL('../../', import.meta.url)
mkdirSync(new URL('.cache/', root), { recursive: true })
// Inside the package, where its own name means its sources.
const folder = mkdtempSync(fileURLToPath(new URL('.cache/nestjs-', root)))
afterAll(() => rmSync(folder, { recursive: true }))

/** The blocks of the page under the names that stand before them. */
const page = readFileSync(new URL('docs/guides/nestjs.md', root), 'utf8')
const files = [...page.matchAll(/^`([\w.]+\.ts)`:\n\n```ts ignore: [^\n]*\n([^]*?)^```$/gm)]
for (const [, name, code] of files) writeFileSync(join(folder, String(name)), String(code))

it('the guide of NestJS compiles', { timeout: CHILD_TIMEOUT }, () => {
  expect(files.map(([, name]) => name)).toEqual([
    'users.module.ts',
    'users.controller.ts',
    'errors.filter.ts',
    'main.ts',
  ])
  const compilerOptions = {
    experimentalDecorators: true,
    erasableSyntaxOnly: false,
    isolatedDeclarations: false,
    declaration: false,
  }
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ extends: '../../tsconfig.json', compilerOptions, include: ['*.ts'] }),
  )
  const tsc = fileURLToPath(new URL('node_modules/typescript/bin/tsc', root))
  const { stdout } = spawnSync(process.execPath, [tsc, '-p', '.', '--pretty', 'false'], {
    cwd: folder,
    encoding: 'utf8',
  })
  expect(stdout).toBe('')
})

async function startInstance(): Promise<Server> {
  const server = createServer((request, response) => response.end(`user ${request.url}`))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

const portOf = (server: Server): number => (server.address() as AddressInfo).port

it('the guide of NestJS does what it says', { timeout: CHILD_TIMEOUT }, async () => {
  const bundle = await rolldown({
    input: join(folder, 'main.ts'),
    // All packages but the helpers of the compiler.
    external: (id) => !/^(?:[./\0]|@oxc-project)/.test(id),
    resolve: { extensionAlias: { '.js': ['.ts'] } },
  })
  await bundle.write({ file: join(folder, 'main.js') })
  await bundle.close()

  const [a, b] = [await startInstance(), await startInstance()]
  const urls = [a, b].map((each) => `http://127.0.0.1:${portOf(each)}`)
  const { VITEST: _, ...env } = process.env
  const child = spawn(process.execPath, ['--conditions=@outrigger/source', join(folder, 'main.js')], {
    env: { ...env, NODE_OPTIONS: '', NO_COLOR: '1', PORT: '0', USER_SERVICE_URLS: urls.join() },
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: CHILD_TIMEOUT - 5_000,
    killSignal: 'SIGKILL',
  })
  const ended = once(child, 'close')
  let url = ''
  for await (const line of createInterface({ input: child.stdout })) {
    const port = /^http:\/\/\S+:(\d+)$/.exec(line)?.[1]
    if (port === undefined) continue
    url = `http://127.0.0.1:${port}`
    break
  }
  child.stdout.resume()
  const get = async (): Promise<number> => {
    const response = await fetch(`${url}/users/42`)
    const text = await response.text()
    if (response.ok) expect(text).toBe('user /users/42')
    return response.status
  }
  const statuses = async (): Promise<Set<number>> =>
    new Set(await Promise.all(Array.from({ length: 20 }, get)))
  expect(await statuses()).toEqual(new Set([200]))
  a.close().closeAllConnections()
  expect(await statuses()).toEqual(new Set([200]))
  b.close().closeAllConnections()
  for (const status of await statuses()) expect([502, 503]).toContain(status)
  child.kill('SIGTERM')
  const [, signal] = (await ended) as [number | null, string | null]
  expect(['SIGTERM', null]).toContain(signal)
})
