import { execFile } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'

const cache = process.env['OUTRIGGER_CACHE'] ?? join(homedir(), '.cache', 'outrigger')
const folders = [
  ...(process.env['PATH'] ?? '').split(delimiter),
  '/usr/local/sbin',
  '/usr/sbin',
  '/sbin',
  join(cache, 'registries', 'bin'),
]

/** Where a program is; looks in the same places as scripts/registries/common.sh. */
export function findBinary(name: string): string {
  const variable = `OUTRIGGER_${name.toUpperCase().replaceAll('-', '_')}`
  const chosen = process.env[variable]
  const candidates = chosen === undefined ? folders.map((folder) => join(folder, name)) : [chosen]
  const found = candidates.find(isExecutable)
  if (found !== undefined) return found
  throw new Error(`${name} not found: run scripts/registries/install.sh, or set ${variable}`)
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

interface ToolOptions {
  readonly env?: Readonly<Record<string, string>>
  /** What it reads from its standard input. @default '' */
  readonly input?: string
  readonly cwd?: string
}

/**
 * Runs a command-line tool to its end and gives its standard output; rejects with its standard error.
 *
 * @example
 * await runTool('etcdctl', ['put', 'key', 'value'], { env: etcd.env })
 */
export function runTool(
  name: string,
  args: readonly string[],
  { env = {}, input = '', cwd }: ToolOptions = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { env: { ...process.env, ...env }, cwd, timeout: 30_000 }
    const child = execFile(findBinary(name), [...args], options, (error, stdout, stderr) => {
      if (error) reject(new Error(`${name} ${args.join(' ')}: ${stderr || error.message}`, { cause: error }))
      else resolve(stdout)
    })
    // A tool that has ended without reading is no failure: its exit code says whether it was one.
    child.stdin?.on('error', () => {})
    child.stdin?.end(input)
  })
}
