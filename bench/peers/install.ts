import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const folder = fileURLToPath(new URL('.', import.meta.url))

/** Only the benchmark depends on the peers. They are installed when it first needs them. */
export function installPeers(): void {
  if (existsSync(`${folder}node_modules`)) return
  const { status } = spawnSync('npm', ['ci', '--prefix', folder], { stdio: ['ignore', 2, 2] })
  if (status !== 0) throw new Error(`npm ci --prefix ${folder} failed; the benchmark needs its peers`)
}

/** Returns the installed versions of the peers and of undici. */
export function peerVersions(): Record<string, string> {
  const { dependencies } = read(`${folder}package.json`) as { dependencies: Record<string, string> }
  const versions: Record<string, string> = {}
  for (const name of Object.keys(dependencies)) versions[name] = versionIn(`${folder}node_modules/${name}`)
  versions['undici'] = versionIn(`${folder}../../node_modules/undici`)
  return versions
}

function versionIn(path: string): string {
  return (read(`${path}/package.json`) as { version: string }).version
}

function read(path: string): unknown {
  return JSON.parse(readFileSync(path, 'utf8'))
}
