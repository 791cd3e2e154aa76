import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { access } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { runTool, startBind, startConsul, startEtcd } from '../support/servers/index.ts'

const gone = async (path: string): Promise<boolean> => {
  try {
    await access(path)
    return false
  } catch {
    return true
  }
}

describe('the servers of these tests', () => {
  it('are ended, and their data removed, when the test process is killed', async () => {
    const script = `
      import { startEtcd } from ${JSON.stringify(new URL('../support/servers/index.ts', import.meta.url).href)}
      const etcd = await startEtcd()
      console.log(JSON.stringify([etcd.url, etcd.folder]))
    `
    const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [line] = (await once(child.stdout, 'data')) as [Buffer]
    const [url, folder] = JSON.parse(line.toString()) as [string, string]
    expect((await fetch(`${url}/version`)).status).toBe(200)

    child.kill('SIGKILL')
    await expect.poll(() => fetch(`${url}/version`).catch(() => 'down'), { timeout: 10_000 }).toBe('down')
    await expect.poll(() => gone(folder), { timeout: 10_000 }).toBe(true)
  })

  it('say what is wrong when they do not start', async () => {
    await expect(startEtcd({ args: ['--no-such-flag'] })).rejects.toThrow(
      /etcd ended while starting:[^]*no-such-flag/,
    )
  })

  it('keep or lose their data over a restart on the same port, as they are told', async () => {
    await using etcd = await startEtcd()
    const read = (): Promise<string> => runTool('etcdctl', ['get', '--print-value-only', 'key'], etcd)
    await runTool('etcdctl', ['put', 'key', 'value'], etcd)
    await etcd.kill()
    await expect(fetch(etcd.url)).rejects.toThrow('fetch failed')
    await etcd.restart({ keepData: true })
    expect(await read()).toBe('value\n')
    await etcd.restart({ keepData: false })
    expect(await read()).toBe('')
  })

  it('answer nothing while they are frozen', async () => {
    await using bind = await startBind({ zone: 'frozen.test', records: ['a 1 A 10.0.0.1'] })
    const dig = (): Promise<string> =>
      runTool('dig', [
        '+short',
        '+time=1',
        '+tries=1',
        '@127.0.0.1',
        '-p',
        String(bind.port),
        'a.frozen.test',
      ])
    expect(await dig()).toBe('10.0.0.1\n')
    bind.freeze()
    await expect(dig()).rejects.toThrow('dig')
    bind.thaw()
    expect(await dig()).toBe('10.0.0.1\n')
    await bind.update(['update delete a.frozen.test.', 'update add a.frozen.test. 1 A 10.0.0.2'])
    expect(await dig()).toBe('10.0.0.2\n')
  })

  it('refuse to keep what they never wrote', async () => {
    await using consul = await startConsul()
    await expect(consul.restart({ keepData: true })).rejects.toThrow('persistent')
  })

  it.each([
    ['its management token', { tokens: { master: '11111111-1111-1111-1111-111111111111' } }],
    ['no token', {}],
  ])('start also when they deny by default: a Consul with %s', async (_, acl) => {
    const config = { acl: { enabled: true, default_policy: 'deny', ...acl } }
    await using consul = await startConsul({ config })
    expect((await fetch(`${consul.url}/v1/status/leader`)).status).toBe(200)
  })

  it('are told things by tools that need not listen', async () => {
    // Far more than a pipe holds.
    expect(await runTool('true', [], { input: 'x'.repeat(1_000_000) })).toBe('')
  })
})
