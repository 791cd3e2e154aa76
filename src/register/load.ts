import { readFile } from 'node:fs/promises'
import { extname, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { readConfig, within, type Configuration } from './config.ts'
import { withEnvironment } from './environment.ts'

/** How to read each kind of file. */
const READ: Readonly<Record<string, (path: string) => Promise<unknown>>> = {
  '.json': async (path) => JSON.parse(await readText(path)) as unknown,
  '.yaml': readYaml,
  '.yml': readYaml,
}

/** Reads the configuration of a file and makes its sources. Every error names the file. */
export async function loadConfig(folder: string, file: string): Promise<Configuration> {
  const path = resolve(folder, file)
  const read = READ[extname(file)] ?? importDefault
  const value = await within(file, async () => withEnvironment(await read(path), process.env))
  return readConfig(file, value, folder)
}

/** Windows editors write a byte order mark at the start of a file. */
async function readText(path: string): Promise<string> {
  return (await readFile(path, 'utf8')).replace(/^\uFEFF/, '')
}

async function importDefault(path: string): Promise<unknown> {
  const module = (await import(pathToFileURL(path).href)) as Record<string, unknown>
  if ('default' in module) return module['default']
  throw new TypeError('must have a default export')
}

async function readYaml(path: string): Promise<unknown> {
  const { parse } = await import('yaml').catch((cause: unknown) => {
    throw new TypeError('reading YAML needs the package yaml: npm install yaml', { cause })
  })
  return parse(await readText(path))
}
