import { existsSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import { setting } from './register/environment.ts'

export type { RegisterConfig, RegisterListeners, ServiceConfig, SourceConfig } from './register/config.ts'

/**
 * The names of the configuration file. The first one that exists is used, unless `OUTRIGGER_CONFIG` names
 * another file.
 */
const FILES = ['js', 'mjs', 'ts', 'mts', 'json', 'yaml', 'yml'].map((end) => `outrigger.config.${end}`)

const folder = process.cwd()
const named = setting(process.env, 'OUTRIGGER_CONFIG')
const file = named ?? FILES.find((name) => existsSync(resolve(folder, name)))
if (file === undefined) {
  const known = 'outrigger.config.{js,mjs,ts,mts,json,yaml,yml}'
  process.stderr.write(`outrigger/register: no ${known} in ${folder}; nothing is changed\n`)
} else {
  // Imported only now, so that a process without a configuration does not load a second undici.
  const { install } = await import('./register/install.ts')
  const path = resolve(folder, file)
  await install(dirname(path), basename(path))
}
