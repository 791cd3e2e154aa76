import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

/** For tests that start processes, on a machine that is busy. */
export const CHILD_TIMEOUT = 60_000

const root = fileURLToPath(new URL('../..', import.meta.url))

export interface Finished {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs a module in a process of its own, in the project's folder; resolves when it has ended by itself. */
export async function runChild(code: string, env: Record<string, string> = {}): Promise<Finished> {
  const child = start(code, env)
  const [stdout, stderr] = await Promise.all([text(child.stdout!), text(child.stderr!), once(child, 'close')])
  return { code: child.exitCode, stdout, stderr }
}

export interface ServerProcess extends AsyncDisposable {
  readonly url: string
  readonly host: string
  readonly port: number
  /** SIGKILL: gone without a goodbye. */
  kill(): Promise<void>
}

/** A server that never answers, in a process of its own that can be killed. It prints a line per request. */
export function startHangingProcess(): Promise<ServerProcess & { seen(): Promise<void> }> {
  return startProcess(`
    import { createServer } from 'node:http'
    import { writeSync } from 'node:fs'
    const server = createServer(() => writeSync(1, 'request\\n'))
    server.listen(0, '127.0.0.1', () => writeSync(1, server.address().port + '\\n'))
  `)
}

/**
 * An address whose connections are never made, as behind a firewall that drops: a stopped process with a full
 * backlog, whose kernel lets further SYNs go unanswered.
 */
export async function startBlackhole(): Promise<ServerProcess> {
  const server = await startProcess(`
    import { createServer } from 'node:net'
    import { writeSync } from 'node:fs'
    const server = createServer()
    server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
      writeSync(1, server.address().port + '\\n')
      process.kill(process.pid, 'SIGSTOP')
    })
  `)
  const fill: Socket[] = Array.from({ length: 6 }, () =>
    connect(server.port, '127.0.0.1').on('error', () => {}),
  )
  // A backlog of n holds n + 1.
  await Promise.all([once(fill[0]!, 'connect'), once(fill[1]!, 'connect')])
  const kill = async (): Promise<void> => {
    for (const socket of fill) socket.destroy()
    await server.kill()
  }
  return { ...server, kill, [Symbol.asyncDispose]: kill }
}

async function startProcess(code: string): Promise<ServerProcess & { seen(): Promise<void> }> {
  const child = start(code, {})
  const line = async (): Promise<string> => {
    const [data] = (await once(child.stdout!, 'data')) as [Buffer]
    return String(data).trim()
  }
  const host = `127.0.0.1:${await line()}`
  const kill = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const closed = once(child, 'close')
    child.kill('SIGKILL')
    await closed
  }
  return {
    url: `http://${host}`,
    host,
    port: Number(host.split(':')[1]),
    kill,
    seen: async () => {
      await line()
    },
    [Symbol.asyncDispose]: kill,
  }
}

function start(code: string, env: Record<string, string>): ChildProcess {
  return spawn(process.execPath, ['--input-type=module', '-e', code], {
    cwd: root,
    env: { ...process.env, NODE_OPTIONS: '', NODE_NO_WARNINGS: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: CHILD_TIMEOUT,
    killSignal: 'SIGKILL',
  })
}
