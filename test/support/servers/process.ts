import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { findBinary } from './binaries.ts'

/** A real server of a test: started on a free port of 127.0.0.1, with its data in a folder of its own. */
export interface TestServer extends AsyncDisposable {
  readonly url: string
  readonly port: number
  /** Where it runs and keeps its data; gone once it is closed. */
  readonly folder: string
  /** What the registry's own command-line tools need to find the server; see `runTool`. */
  readonly env: Readonly<Record<string, string>>
  /** SIGKILL: gone without a goodbye. Resolves when it is. */
  kill(): Promise<void>
  /** SIGTERM: told to leave. Resolves when it has. */
  terminate(): Promise<void>
  /** SIGSTOP: connections stay open and nothing answers. */
  freeze(): void
  /** SIGCONT */
  thaw(): void
  /** Starts again on the same port, killing what still runs; ready when it resolves. */
  restart(options: { keepData: boolean }): Promise<void>
  /** Kills it and removes its data. */
  close(): Promise<void>
}

interface ServerProgram {
  readonly program: string
  /** Its arguments, given the folder it runs in and keeps its data in. */
  args(folder: string): readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** Rejects, or gives false, until the server does its work. */
  ready(folder: string): Promise<boolean>
  /** Writes what the server needs to find before it starts. */
  prepare?(folder: string): Promise<void>
  /** Milliseconds. @default 30_000 */
  readonly startTimeout?: number
}

/**
 * One server process, the leader of a process group of its own. A guard, `sh` at the end of a pipe, kills the
 * group and removes the folder when this process ends, however it ends.
 */
export class ServerProcess {
  readonly folder: string
  readonly #what: ServerProgram
  readonly #guard: ChildProcess
  #child: ChildProcess | undefined
  #log = ''

  private constructor(what: ServerProgram, folder: string) {
    this.#what = what
    this.folder = folder
    this.#guard = spawn('sh', ['-c', guard, 'guard', folder], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    })
    this.#guard.unref()
  }

  static async start(what: ServerProgram): Promise<ServerProcess> {
    const folder = await mkdtemp(join(tmpdir(), `outrigger-${what.program}-`))
    const server = new ServerProcess(what, folder)
    try {
      await what.prepare?.(folder)
      await server.start()
    } catch (error) {
      await server.close()
      throw error
    }
    return server
  }

  async start(): Promise<void> {
    const { program, args, env } = this.#what
    this.#log = ''
    const child = spawn(findBinary(program), [...args(this.folder)], {
      cwd: this.folder,
      detached: true,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#child = child
    this.#guard.stdin?.write(`${child.pid}\n`)
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8')
      stream.on('data', (text: string) => {
        this.#log = (this.#log + text).slice(-4_000)
      })
    }
    await this.#untilReady(child)
  }

  async #untilReady(child: ChildProcess): Promise<void> {
    const { program, ready, startTimeout = 30_000 } = this.#what
    const deadline = performance.now() + startTimeout
    for (;;) {
      if (child.exitCode !== null || child.signalCode !== null) {
        throw new Error(`${program} ended while starting:\n${this.#log}`)
      }
      if (await ready(this.folder).catch(() => false)) return
      if (performance.now() > deadline) throw new Error(`${program} is not ready:\n${this.#log}`)
      await sleep(10)
    }
  }

  /** What the server wrote last, for the message of a failed test. */
  get log(): string {
    return this.#log
  }

  signal(signal: NodeJS.Signals): void {
    const pid = this.#child?.pid
    if (pid === undefined || this.#child?.exitCode !== null || this.#child.signalCode !== null) return
    try {
      process.kill(-pid, signal)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child
    if (!child) return
    const gone = child.exitCode !== null || child.signalCode !== null ? undefined : once(child, 'exit')
    this.signal(signal)
    await gone
    this.#child = undefined
  }

  async close(): Promise<void> {
    await this.end('SIGKILL')
    this.#guard.kill('SIGKILL')
    await rm(this.folder, { recursive: true, force: true })
  }
}

/** Reads the pids of the process groups to end; the end of its input is the end of the test process. */
const guard = `
trap '' INT TERM HUP
while read -r pid; do pids="$pids $pid"; done
for pid in $pids; do kill -s KILL -- "-$pid"; done
rm -rf "$1"
`

/** The part of {@link TestServer} that is the same for every server of one process. */
export function controls(
  server: ServerProcess,
  reset: (folder: string) => Promise<void>,
): Pick<
  TestServer,
  'folder' | 'kill' | 'terminate' | 'freeze' | 'thaw' | 'restart' | 'close' | typeof Symbol.asyncDispose
> {
  return {
    folder: server.folder,
    kill: () => server.end('SIGKILL'),
    terminate: () => server.end('SIGTERM'),
    freeze: () => server.signal('SIGSTOP'),
    thaw: () => server.signal('SIGCONT'),
    restart: async ({ keepData }) => {
      await server.end('SIGKILL')
      if (!keepData) await reset(server.folder)
      await server.start()
    },
    close: () => server.close(),
    [Symbol.asyncDispose]: () => server.close(),
  }
}
