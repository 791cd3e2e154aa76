/**
 * The compile time of types: `tsc` on a schema of 1,000 paths and 100 calls, with Outrigger and with openapi-fetch, in
 * alternating rounds. Run it with `node bench/types/run.ts [rounds]`.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { callers, schemaSource } from './schema.ts'

const PATHS = 1_000
const SITES = 100
const root = join(import.meta.dirname, '../..')
const tsc = join(root, 'node_modules/.bin/tsc')
const names = ['outrigger', 'openapi-fetch'] as const

interface Run {
  readonly seconds: number
  readonly instantiations: number
  readonly types: number
}

const dir = mkdtempSync(join(tmpdir(), 'outrigger-types-'))
try {
  prepare()
  const rounds = Number(process.argv[2] ?? 9)
  const runs = { outrigger: [] as Run[], 'openapi-fetch': [] as Run[] }
  // The first round fills the disk cache.
  for (let round = 0; round <= rounds; round++) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      const run = check(name)
      if (round > 0) runs[name].push(run)
    }
  }
  for (const name of names) {
    const [{ types, instantiations } = { types: 0, instantiations: 0 }] = runs[name]
    console.log(
      `${name.padEnd(14)} median ${median(runs[name]).toFixed(3)} s, ${types} types, ${instantiations} instantiations`,
    )
  }
  const ratio = median(runs.outrigger) / median(runs['openapi-fetch'])
  console.log(`ratio ${ratio.toFixed(2)} (target <= 1.00)`)
} finally {
  rmSync(dir, { recursive: true })
}

/** Both projects are as users have them: declarations from node_modules, checked calls, `skipLibCheck`. */
function prepare(): void {
  const own = join(dir, 'node_modules/outrigger')
  mkdirSync(own, { recursive: true })
  for (const name of ['openapi-fetch', 'openapi-typescript-helpers', 'undici', 'undici-types', '@types']) {
    symlinkSync(join(root, 'node_modules', name), join(dir, 'node_modules', name))
  }
  cpSync(join(root, 'package.json'), join(own, 'package.json'))
  execute(['-p', join(root, 'tsconfig.build.json'), '--emitDeclarationOnly', '--outDir', join(own, 'dist')])
  for (const name of names) {
    const project = join(dir, name)
    mkdirSync(project)
    writeFileSync(join(project, 'package.json'), '{ "type": "module" }')
    writeFileSync(join(project, 'schema.ts'), schemaSource(PATHS))
    writeFileSync(join(project, 'calls.ts'), callers[name](SITES))
    const compilerOptions = {
      target: 'es2024',
      lib: ['es2024', 'esnext.disposable'],
      module: 'nodenext',
      types: ['node'],
      typeRoots: [join(root, 'node_modules/@types')],
      strict: true,
      skipLibCheck: true,
      noEmit: true,
    }
    writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }))
  }
}

function check(name: string): Run {
  const start = performance.now()
  const output = execute(['-p', join(dir, name), '--extendedDiagnostics'])
  const seconds = (performance.now() - start) / 1_000
  const count = (label: string): number => Number(new RegExp(`^${label}:\\s+(\\d+)`, 'm').exec(output)?.[1])
  return { seconds, instantiations: count('Instantiations'), types: count('Types') }
}

function execute(args: readonly string[]): string {
  const { status, stdout } = spawnSync(tsc, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`tsc ${args.join(' ')} failed:\n${stdout.slice(0, 2_000)}`)
  return stdout
}

function median(runs: readonly Run[]): number {
  const times = runs.map((run) => run.seconds).toSorted((a, b) => a - b)
  return times[Math.floor(times.length / 2)] ?? NaN
}
