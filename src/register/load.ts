import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { FetchOptions } from '../app/create-fetch.ts'
import { readConfig, within } from './config.ts'

/** The configuration of a file, its clients made. */
export async function loadConfig(folder: string, file: string): Promise<FetchOptions> {
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
