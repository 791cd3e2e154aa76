import { extname } from 'node:path'

const DATA: readonly string[] = ['.json', '.yaml', '.yml']

/** Whether a file is data, which can be read again: a module is loaded once. */
export function isData(file: string): boolean {
  return DATA.includes(extname(file))
}
