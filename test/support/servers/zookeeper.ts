import { mkdir, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'

import { freePort } from './ports.ts'
import { controls, ServerProcess } from './process.ts'
import type { TestServer } from './process.ts'

/** One ZooKeeper, with sessions as short as its tick allows: 400 ms at least. */
export async function startZooKeeper(): Promise<TestServer> {
  const port = await freePort()
  const data = (folder: string): string => join(folder, 'data')
  const server = await ServerProcess.start({
    program: 'zookeeper-server',
    prepare: async (folder) => {
      const settings = {
        dataDir: data(folder),
        clientPort: port,
        clientPortAddress: '127.0.0.1',
        tickTime: 200,
        maxClientCnxns: 0,
        'admin.enableServer': false,
        '4lw.commands.whitelist': 'ruok',
      }
      const lines = Object.entries(settings).map(([key, value]) => `${key}=${value}\n`)
      await mkdir(data(folder), { recursive: true })
      await writeFile(join(folder, 'zoo.cfg'), lines.join(''))
    },
    args: (folder) => [join(folder, 'zoo.cfg')],
    ready: () => isOk(port),
  })
  const reset = async (folder: string): Promise<void> => {
    await rm(data(folder), { recursive: true, force: true })
    await mkdir(data(folder), { recursive: true })
  }
  return { url: `127.0.0.1:${port}`, port, env: {}, ...controls(server, reset) }
}

function isOk(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    let answer = ''
    const socket = connect(port, '127.0.0.1', () => socket.write('ruok'))
    // One that has just begun to listen may take the question and never answer it.
    socket.setTimeout(300, () => socket.destroy())
    socket.on('data', (chunk) => (answer += String(chunk)))
    socket.on('error', reject).on('close', () => resolve(answer === 'imok'))
  })
}
