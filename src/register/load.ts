import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { FetchOptions } from '../client/create-fetch.ts'
import { readConfig, within } from './config.ts'

/** The first one that exists is it. */
export const CONFIG_FILES = ['outrigger.config.js', 'outrigger.config.ts', 'outrigger.config.json'] as const

/** The configuration in a folder, its clients made; undefined when there is none. */
export async function loadConfig(folder: string): Promise<Required<FetchOptions> | undefined> {
  const file = CONFIG_FILES.find((name) => existsSync(join(folder, name)))
  if (file === undefined) return undefined
  const path = join(folder, file)
  const value = await within(file, () => (file.endsWith('.json') ? readJson(path) : importDefault(path)))
  return readConfig(file, value, folder)
}

async function readJson(path: string): Promise<unknown> {
  return JSON.parse(await readFile(path, 'utf8'))
}

async function importDefault(path: string): Promise<unknown> {
  const module = (await import(pathToFileURL(path).href)) as Record<string, unknown>
  if ('default' in module) return module['default']
  throw new TypeError('must have a default export')
}
