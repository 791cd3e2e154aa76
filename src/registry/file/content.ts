import { OutriggerError } from '../../errors.ts'
import { quote } from '../../options.ts'
import { readList } from '../listed.ts'
import { isPlainObject } from '../plain-data.ts'
import type { Instance } from '../source.ts'

export type Parse = (text: string) => unknown

/** YAML is an optional peer dependency, loaded when the first file needs it. */
export async function parser(format: 'json' | 'yaml'): Promise<Parse> {
  if (format === 'json') return JSON.parse
  try {
    // Not a literal, so that neither the type check nor a bundler looks for the package.
    const name = 'yaml'
    const yaml = (await import(name)) as { parse: Parse }
    return (text) => yaml.parse(text)
  } catch (error) {
    throw new OutriggerError(
      'ERR_OUTRIGGER_SOURCE',
      `a YAML file needs the package 'yaml': npm install yaml`,
      {
        cause: error,
      },
    )
  }
}

/** The instances of one service. Discovery derives ids and drops bad entries one by one. */
export function readContent(path: string, service: string, parse: Parse, text: string): readonly Instance[] {
  let content: unknown
  try {
    // Windows editors write a byte order mark, which JSON.parse rejects.
    content = parse(text.replace(/^\uFEFF/, ''))
  } catch (error) {
    throw new OutriggerError('ERR_OUTRIGGER_SOURCE', `${path} cannot be parsed`, { cause: error })
  }
  const list = isPlainObject(content) ? member(content, service) : content
  if (!Array.isArray(list)) {
    const where = isPlainObject(content) ? `${quote(service)} in ${path}` : path
    // The message names only the type, because a wrong path may lead to a file of secrets.
    const kind = list === null ? 'nothing' : typeof list
    throw new OutriggerError('ERR_OUTRIGGER_SOURCE', `${where} must be a list of instances, got ${kind}`)
  }
  return readList(list)
}

/** A service that is absent, or null as YAML writes an empty list, has no instances. */
function member(content: Record<string, unknown>, service: string): unknown {
  return (Object.hasOwn(content, service) ? content[service] : undefined) ?? []
}
