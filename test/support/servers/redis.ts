import { rm } from 'node:fs/promises'
import { join } from 'node:path'

import { runTool } from './binaries.ts'
import { freePort } from './ports.ts'
import { controls, ServerProcess } from './process.ts'
import type { TestServer } from './process.ts'

/** One Redis, which writes every command to its disk. */
export async function startRedis(): Promise<TestServer> {
  const port = await freePort()
  const cli = ['-h', '127.0.0.1', '-p', String(port)]
  const server = await ServerProcess.start({
    program: 'redis-server',
    args: (folder) => {
      const options = {
        port,
        bind: '127.0.0.1',
        dir: folder,
        save: '',
        appendonly: 'yes',
        appendfsync: 'always',
      }
      return Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)])
    },
    ready: async () => (await runTool('redis-cli', [...cli, 'ping'])).trim() === 'PONG',
  })
  const reset = async (folder: string): Promise<void> => {
    await rm(join(folder, 'appendonlydir'), { recursive: true, force: true })
  }
  return { url: `redis://127.0.0.1:${port}`, port, env: {}, ...controls(server, reset) }
}
