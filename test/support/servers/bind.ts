import { Resolver } from 'node:dns/promises'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { runTool } from './binaries.ts'
import { freePort } from './ports.ts'
import { controls, ServerProcess } from './process.ts'
import type { TestServer } from './process.ts'

export interface BindOptions {
  /** The zone it answers for. @default 'test' */
  readonly zone?: string
  /** Lines of the zone file, `['a 1 A 10.0.0.1']`. @default [] */
  readonly records?: readonly string[]
  /** More statements of named's `options`, each with its semicolon, `'minimal-responses no;'`. @default '' */
  readonly options?: string
}

export interface BindServer extends TestServer {
  readonly zone: string
  /** What `resolver.setServers` takes, `127.0.0.1:12345`. */
  readonly address: string
  /** Changes the zone by nsupdate, `['update add a.test. 1 A 10.0.0.2']`; live when it resolves. */
  update(commands: readonly string[]): Promise<void>
}

/** One BIND, authoritative for one dynamic zone. */
export async function startBind({
  zone = 'test',
  records = [],
  options = '',
}: BindOptions = {}): Promise<BindServer> {
  const port = await freePort()
  const address = `127.0.0.1:${port}`
  const resolver = new Resolver({ timeout: 200, tries: 1 })
  resolver.setServers([address])

  const writeZone = async (folder: string): Promise<void> => {
    const zoneFile = [
      '$TTL 1',
      `@ SOA ns.${zone}. admin.${zone}. 1 60 60 600 1`,
      '@ NS ns',
      'ns A 127.0.0.1',
      ...records,
    ]
    await writeFile(join(folder, 'zone.db'), `${zoneFile.join('\n')}\n`)
    await rm(join(folder, 'zone.db.jnl'), { force: true })
  }
  const prepare = async (folder: string): Promise<void> => {
    await writeFile(
      join(folder, 'named.conf'),
      `
      options {
        directory "${folder}";
        listen-on port ${port} { 127.0.0.1; };
        listen-on-v6 { none; };
        pid-file none;
        session-keyfile none;
        recursion no;
        dnssec-validation no;
        ${options}
      };
      controls { };
      zone "${zone}" { type primary; file "zone.db"; allow-update { 127.0.0.1; }; };
      `,
    )
    await writeZone(folder)
  }

  const server = await ServerProcess.start({
    program: 'named',
    prepare,
    args: (folder) => ['-g', '-n', '1', '-c', join(folder, 'named.conf')],
    ready: async () => (await resolver.resolveSoa(zone)).hostmaster === `admin.${zone}`,
  })
  return {
    url: `dns://${address}`,
    port,
    zone,
    address,
    env: {},
    update: async (commands) => {
      const script = ['server 127.0.0.1 ' + port, `zone ${zone}`, ...commands, 'send', '']
      await runTool('nsupdate', [], { input: script.join('\n') })
    },
    ...controls(server, writeZone),
  }
}
