import { existsSync } from 'node:fs'
import { join } from 'node:path'

export type { RegisterConfig, ServiceConfig, SourceConfig } from './register/config.ts'

/** The first file that exists is used. */
const FILES = ['outrigger.config.js', 'outrigger.config.ts', 'outrigger.config.json']

const folder = process.cwd()
const file = FILES.find((name) => existsSync(join(folder, name)))
if (file === undefined) {
  process.stderr.write(`outrigger/register: no ${FILES.join(', ')} in ${folder}; nothing is changed\n`)
} else {
  // Not before: whoever has no configuration shall not load a second undici either.
  const { install } = await import('./register/install.ts')
  await install(folder, file)
}
