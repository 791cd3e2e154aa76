import { extname } from 'node:path'

const DATA: readonly string[] = ['.json', '.yaml', '.yml']

/** Whether a file contains data that can be read again. A module is loaded only once. */
export function isData(file: string): boolean {
  return DATA.includes(extname(file))
}
