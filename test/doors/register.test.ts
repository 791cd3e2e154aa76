import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { CHILD_TIMEOUT, type Finished } from '../support/child.ts'
import { redirect, reply, startServer } from '../support/http-server.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** Runs app.js with `--import outrigger/register`, in a folder with these files. */
async function runApp(
  files: Record<string, string>,
  app: string,
  env: Record<string, string> = {},
): Promise<Finished & { folder: string }> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'outrigger-register-')))
  try {
    await mkdir(join(folder, 'node_modules'))
    for (const [name, path] of Object.entries({
      outrigger: root,
      undici: `${root}/node_modules/undici`,
      yaml: `${root}/node_modules/yaml`,
    })) {
      await symlink(path, join(folder, 'node_modules', name))
    }
    const all = { 'package.json': '{ "type": "module" }', 'app.js': app, ...files }
    for (const [name, content] of Object.entries(all)) {
      await mkdir(dirname(join(folder, name)), { recursive: true })
      await writeFile(join(folder, name), content)
    }
    const register = join(root, 'src/register.ts')
    const child = spawn(
      process.execPath,
      ['--conditions=@outrigger/source', '--import', register, 'app.js'],
      {
        cwd: folder,
        env: { ...process.env, NODE_OPTIONS: '', NODE_NO_WARNINGS: '1', ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
        timeout: CHILD_TIMEOUT,
        killSignal: 'SIGKILL',
      },
    )
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
    return { code: child.exitCode, stdout, stderr, folder }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** An application that does not use this library itself. */
const APP = `console.log(await (await fetch('http://user-service/users/42')).text())`

const UNDICI_APP = `
  import { request } from 'undici'
  console.log(await (await request('http://user-service/users/42')).body.text())
`

describe.concurrent('node --import outrigger/register', { timeout: CHILD_TIMEOUT }, () => {
  it.each<[string, string, (url: string) => Record<string, string>]>([
    [
      'outrigger.config.json',
      APP,
      (url) => ({
        'outrigger.config.json': JSON.stringify({
          services: { 'user-service': { source: { fixed: [url] } } },
        }),
      }),
    ],
    [
      'outrigger.config.json with a file beside it',
      APP,
      (url) => ({
        'outrigger.config.json':
          '{ "services": { "user-service": { "source": { "file": "etc/fleet.json" } } } }',
        'etc/fleet.json': JSON.stringify({ 'user-service': [url] }),
      }),
    ],
    [
      'outrigger.config.js',
      APP,
      (url) => ({
        'outrigger.config.js': `
          import { fixed, roundRobin } from 'outrigger'
          const source = fixed([${JSON.stringify(url)}])
          export default { services: { 'user-service': { source, balance: roundRobin() } } }
        `,
      }),
    ],
    [
      'unknown hosts that are discovered by its first fetch',
      APP,
      (url) => ({
        'outrigger.config.json': JSON.stringify({ source: { fixed: [url] }, unknown: 'discover' }),
      }),
    ],
    [
      'unknown hosts that are discovered by its first request of undici',
      UNDICI_APP,
      (url) => ({
        'outrigger.config.json': JSON.stringify({ source: { fixed: [url] }, unknown: 'discover' }),
      }),
    ],
    [
      'outrigger.config.js in CommonJS',
      `fetch('http://user-service/users/42').then((response) => response.text()).then(console.log)`,
      (url) => ({
        'package.json': '{ "type": "commonjs" }',
        'outrigger.config.js': `module.exports = { services: { 'user-service': { source: { fixed: ['${url}'] } } } }`,
      }),
    ],
    [
      'outrigger.config.ts',
      APP,
      (url) => ({
        'outrigger.config.ts': `
          import { fixed, type Source } from 'outrigger'
          const source: Source = fixed([${JSON.stringify(url)}])
          export default { services: { 'user-service': { source } } }
        `,
      }),
    ],
    [
      'outrigger.config.mts',
      APP,
      (url) => ({
        'outrigger.config.mts': `export default { services: { 'user-service': { source: { fixed: ['${url}'] } } } }`,
      }),
    ],
    [
      'outrigger.config.yaml',
      APP,
      (url) => ({
        'outrigger.config.yaml': `services:\n  user-service:\n    source:\n      fixed: ['${url}']\n`,
      }),
    ],
    [
      'npm’s undici, by its global dispatcher',
      UNDICI_APP,
      (url) => ({
        'outrigger.config.json': JSON.stringify({
          services: { 'user-service': { source: { fixed: [url] } } },
        }),
      }),
    ],
  ])('resolves services by %s, and lets the process exit by itself', async (_name, app, files) => {
    await using server = await startServer(reply(200, 'user 42'))
    const { code, stdout, stderr } = await runApp(files(server.url), app)
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: 'user 42\n', stderr: '' })
    expect(server.requests).toEqual(['GET /users/42'])
    expect(server.headers[0]).toMatchObject({ host: 'user-service' })
  })

  it('reads the file, the source and the rule for unknown hosts from the environment', async () => {
    await using server = await startServer(reply(200, 'user 42'))
    const { stdout, stderr } = await runApp(
      { 'etc/stage.json': '{ "services": {} }' },
      `${APP}
      await fetch('http://127.0.0.1:1/').catch(({ code }) => console.log(code))`.replace('users/42', ''),
      {
        OUTRIGGER_CONFIG: 'etc/stage.json',
        OUTRIGGER_SOURCE: JSON.stringify({ fixed: [server.url] }),
        OUTRIGGER_UNKNOWN: 'discover',
      },
    )
    expect({ stdout, stderr }).toEqual({ stdout: 'user 42\nundefined\n', stderr: '' })
    const refused = await runApp({ 'outrigger.config.json': '{}' }, APP, { OUTRIGGER_SOURCE: 'consul' })
    expect(refused.stderr).toContain(
      `OUTRIGGER_SOURCE must be JSON such as {"dns":{"srv":"…"}}, got 'consul'`,
    )
  })

  it('treats an empty variable as unset, prefers OUTRIGGER_UNKNOWN to otherwise, and accepts a byte order mark', async () => {
    await using server = await startServer(reply(200, 'user 42'))
    const source = { fixed: [server.url] }
    const config = { otherwise: 'pass', services: { 'user-service': { source } } }
    const { stdout, stderr } = await runApp(
      { 'outrigger.config.json': `\uFEFF${JSON.stringify(config)}` },
      `${APP}
      await fetch('http://127.0.0.1:1/').catch(({ code }) => console.log(code))`,
      { OUTRIGGER_CONFIG: '', OUTRIGGER_SOURCE: '', OUTRIGGER_UNKNOWN: 'deny' },
    )
    expect({ stdout, stderr }).toEqual({ stdout: 'user 42\nERR_OUTRIGGER_DENIED\n', stderr: '' })
  })

  it('emits events, and gives access to the application', async () => {
    await using server = await startServer(reply(200, 'user 42'))
    const config = `
      export default {
        services: { 'user-service': { source: { fixed: ['${server.url}'] } } },
        on: { call: ({ service, status }) => console.log(service, status) },
        observe: (app) => console.log(Object.keys(app.services).join(), app === globalThis.fetch),
      }`
    const { stdout } = await runApp({ 'outrigger.config.js': config }, APP)
    expect(stdout.split('\n').toSorted()).toEqual(['', 'user 42', 'user-service 200', 'user-service true'])
  })

  it('applies a changed file completely, or reports why not and changes nothing', async () => {
    await using server = await startServer(reply(200, 'ok'))
    const source = { fixed: [server.url] }
    const d = { source: { ...source } }
    const first = { reload: true, source, services: { a: { timeout: 1000 }, b: {}, d } }
    const services = { a: { timeout: 500 }, c: {}, d: { ...d, timeout: 600 } }
    const second = { ...first, defaults: { retry: false }, services }
    const third = { ...second, otherwise: 'deny', services: { a: { timeout: 400 } } }
    const app = `
      import { writeFile } from 'node:fs/promises'
      import { setTimeout as sleep } from 'node:timers/promises'
      const app = globalThis.fetch
      const plan = (name) => { const { total, attempts } = app.client(name).explain().plan; return name + ' ' + total + ' ' + attempts }
      const warnings = []
      process.on('warning', ({ message }) => warnings.push(message))
      const until = async (isDone) => { while (!isDone()) await sleep(20) }
      for (const host of ['a', 'b']) await fetch('http://' + host)
      console.log(plan('a'), plan('b'))
      await writeFile('outrigger.config.json', '{ "reload": true, "servic')
      await until(() => warnings.length === 1)
      await writeFile('outrigger.config.json', ${JSON.stringify(JSON.stringify({ ...second, services: { a: { timeout: -1 } } }))})
      await until(() => warnings.length === 2)
      await writeFile('outrigger.config.json', ${JSON.stringify(JSON.stringify({ ...second, source: { fixed: [] } }))})
      await until(() => warnings.length === 3)
      console.log(plan('a'), plan('b'))
      await writeFile('outrigger.config.json', ${JSON.stringify(JSON.stringify(second))})
      await until(() => app.client('a').explain().plan.total === 500)
      console.log(plan('a'), plan('b'), plan('c'), plan('d'))
      await writeFile('outrigger.config.json', ${JSON.stringify(JSON.stringify(third))})
      await until(() => app.client('a').explain().plan.total === 400)
      console.log(plan('d'), await fetch('http://127.0.0.1:1').catch(({ code }) => code))
      await writeFile('outrigger.config.json', ${JSON.stringify(JSON.stringify(second))})
      await until(() => app.client('a').explain().plan.total === 500)
      console.log(plan('d'), await (await fetch('http://d')).text())
      for (const message of warnings) console.log(message)
    `
    const { code, stdout, stderr } = await runApp({ 'outrigger.config.json': JSON.stringify(first) }, app)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const lines = stdout.trim().split('\n')
    expect(lines.splice(0, 5)).toEqual([
      'a 1000 3 b 30000 3',
      'a 1000 3 b 30000 3',
      'a 500 1 b 30000 1 c 30000 1 d 600 1',
      'd 30000 1 ERR_OUTRIGGER_DENIED',
      'd 600 1 ok',
    ])
    expect(lines[0]).toMatch(
      /^outrigger.config.json has changed, but the change is not applied: outrigger.config.json: /,
    )
    expect(lines[1]).toContain("services['a']: timeout must be")
    expect(lines[2]).toContain('source cannot change while the process runs')
  })

  it('affects a fetch that was saved before, through the platform’s global dispatcher', async () => {
    await using server = await startServer(reply(200, 'user 42'))
    const files = {
      'outrigger.config.js': `
        globalThis.saved = fetch
        export default { services: { 'user-service': { source: { fixed: ['${server.url}'] } } } }
      `,
    }
    const { stdout, stderr } = await runApp(files, APP.replace('fetch(', 'saved('))
    expect({ stdout, stderr }).toEqual({ stdout: 'user 42\n', stderr: '' })
  })

  it('retries and breaks as configured, without a change of the program', async () => {
    await using server = await startServer(reply(503), reply(200, 'second time lucky'))
    const config = {
      services: { 'user-service': { source: { fixed: [server.url] }, retry: { backoff: 0 } } },
    }
    const { stdout } = await runApp({ 'outrigger.config.json': JSON.stringify(config) }, APP)
    expect(stdout).toBe('second time lucky\n')
  })

  it('sends calls to other hosts where they went before', async () => {
    await using stranger = await startServer(reply(200, 'stranger'))
    await using server = await startServer(redirect(stranger.url))
    const config = { services: { 'user-service': { source: { fixed: [server.url] } } } }
    const { stdout, stderr } = await runApp(
      { 'outrigger.config.json': JSON.stringify(config) },
      `
        import { request } from 'undici'
        console.log(await (await fetch('${stranger.url}')).text())
        console.log(await (await request('${stranger.url}')).body.text())
        console.log(await (await fetch('http://user-service')).text())
      `,
    )
    expect({ stdout, stderr }).toEqual({ stdout: 'stranger\nstranger\nstranger\n', stderr: '' })
  })

  it('denies other hosts with otherwise: deny, but not data: URLs', async () => {
    await using stranger = await startServer()
    const config = { services: {}, otherwise: 'deny' }
    const { stdout } = await runApp(
      { 'outrigger.config.json': JSON.stringify(config) },
      `
        import { request } from 'undici'
        await fetch('${stranger.url}').catch(({ code }) => console.log(code))
        await request('${stranger.url}').catch(({ code }) => console.log(code))
        console.log(await (await fetch('data:,hello')).text())
      `,
    )
    expect(stdout).toBe('ERR_OUTRIGGER_DENIED\nERR_OUTRIGGER_DENIED\nhello\n')
    expect(stranger.requests).toEqual([])
  })

  it('without a configuration prints one line, and changes nothing', async () => {
    const { code, stdout, stderr, folder } = await runApp(
      {},
      `console.log(fetch.name, Object.getOwnPropertySymbols(globalThis).filter(({ description }) => /undici/.test(description)).length)`,
    )
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'fetch 0\n' })
    expect(stderr).toBe(
      `outrigger/register: no outrigger.config.{js,mjs,ts,mts,json,yaml,yml} in ${folder}; nothing is changed\n`,
    )
  })

  it.each<[string, Record<string, string>, string]>([
    ['no JSON', { 'outrigger.config.json': '{' }, 'outrigger.config.json: '],
    [
      'no default export',
      { 'outrigger.config.js': 'export const services = {}' },
      'outrigger.config.js: must have a default export',
    ],
    ['a syntax error', { 'outrigger.config.js': 'export default {' }, 'outrigger.config.js: '],
    [
      'an unknown key',
      { 'outrigger.config.json': '{ "service": {} }' },
      'outrigger.config.json: configuration.service is not an option',
    ],
    [
      'a listener from JSON',
      { 'outrigger.config.json': '{ "services": {}, "on": { "call": "log" } }' },
      "outrigger.config.json: on['call'] must be a function, got 'log'",
    ],
    [
      'an event nobody knows',
      { 'outrigger.config.js': 'export default { services: {}, on: { opened() {} } }' },
      'outrigger.config.js: the event must be one of',
    ],
    [
      'a module to be read again',
      { 'outrigger.config.js': 'export default { services: {}, reload: true }' },
      'outrigger.config.js: reload must be false or absent for this file',
    ],
    ['no YAML', { 'outrigger.config.yaml': 'services: [' }, 'outrigger.config.yaml: '],
    [
      'no services',
      { 'outrigger.config.json': '{ "services": [] }' },
      'outrigger.config.json: services must be an object',
    ],
    [
      'a value of otherwise nobody knows',
      { 'outrigger.config.json': '{ "services": {}, "otherwise": "drop" }' },
      `outrigger.config.json: otherwise must be 'pass' or 'deny', got 'drop'`,
    ],
    [
      'a service of its own name',
      { 'outrigger.config.json': '{ "services": { "a": { "service": "b" } } }' },
      `services['a'] must be an object of client options without 'service'`,
    ],
    [
      'no source',
      { 'outrigger.config.json': '{ "services": { "a": {} } }' },
      `services['a'].source: must be a source or an object with one of fixed, file, dns, etcd, consul, kubernetes, eureka, http`,
    ],
    [
      'two sources',
      { 'outrigger.config.json': '{ "services": { "a": { "source": { "fixed": [], "file": "x" } } } }' },
      `services['a'].source: must be a source or an object with one of`,
    ],
    [
      'a bad instance',
      { 'outrigger.config.json': '{ "services": { "a": { "source": { "fixed": ["http://x/y"] } } } }' },
      `services['a'].source: fixed(): entry 0`,
    ],
    [
      'a bad option of a source',
      {
        'outrigger.config.json':
          '{ "services": { "a": { "source": { "dns": { "srv": "a", "port": 1 } } } } }',
      },
      `services['a'].source: `,
    ],
    [
      'a bad option of a client',
      {
        'outrigger.config.json':
          '{ "services": { "a": { "source": { "fixed": [] }, "timeout": { "total": -1 } } } }',
      },
      `outrigger.config.json: services['a']: timeout.total must be`,
    ],
  ])('does not start with %s, and reports where the mistake is', async (_name, files, message) => {
    const { code, stdout, stderr } = await runApp(files, `console.log('started')`)
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toContain(message)
  })

  it.each([
    ['consul', { consul: { url: 'http://127.0.0.1:1' } }],
    ['etcd', { etcd: { endpoints: 'http://127.0.0.1:1' } }],
    ['dns', { dns: { srv: '_http._tcp.users.test', servers: ['127.0.0.1:1'], timeout: 1000 } }],
    ['kubernetes', { kubernetes: { server: 'http://127.0.0.1:1', token: 'x' } }],
  ])('with %s as its source does not keep the process alive', async (_name, source) => {
    const config = { services: { 'user-service': { source } } }
    const { code, stdout, stderr } = await runApp(
      { 'outrigger.config.json': JSON.stringify(config) },
      `console.log('done')`,
    )
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: 'done\n', stderr: '' })
  })
})
