import { installConfig } from './register/install.ts'
import { CONFIG_FILES, loadConfig } from './register/load.ts'

export type { RegisterConfig, ServiceConfig, SourceConfig } from './register/config.ts'

const folder = process.cwd()
const config = await loadConfig(folder)
if (config) installConfig(config)
else {
  process.stderr.write(`outrigger/register: no ${CONFIG_FILES.join(', ')} in ${folder}; nothing is changed\n`)
}
