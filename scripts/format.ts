import { readFileSync } from 'node:fs'
import { format, type FormatConfig } from 'oxfmt'

const CONFIG = new URL('../.oxfmtrc.json', import.meta.url)

/**
 * Formats a file that a script has generated, like `npm run format`. The extension of the name decides the language.
 */
export async function formatted(name: string, text: string, options: FormatConfig = {}): Promise<string> {
  const config = JSON.parse(readFileSync(CONFIG, 'utf8')) as FormatConfig
  const { code, errors } = await format(name, text, { ...config, ...options })
  if (errors.length > 0) throw new Error(`${name} cannot be formatted: ${errors[0]?.message}`)
  return code
}
