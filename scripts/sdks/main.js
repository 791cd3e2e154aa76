// Installs SDKs that accept a fetch in a temporary folder, runs each through a client of Outrigger, and writes the
// table of docs/doors.md.
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { formatted } from '../format.ts'

const here = fileURLToPath(new URL('.', import.meta.url))
const root = fileURLToPath(new URL('../..', import.meta.url))
const page = join(root, 'docs/doors.md')

const folder = mkdtempSync(join(tmpdir(), 'outrigger-sdks-'))
try {
  for (const name of ['package.json', 'cases.js', 'run.js']) cpSync(join(here, name), join(folder, name))
  const options = ['--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock']
  execFileSync('npm', ['install', ...options], { cwd: folder, stdio: 'inherit' })
  mkdirSync(join(folder, 'node_modules'), { recursive: true })
  symlinkSync(root, join(folder, 'node_modules', 'outrigger'))
  const args = ['--conditions=@outrigger/source', 'run.js']
  const lines = execFileSync(process.execPath, args, {
    cwd: folder,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  // Some SDKs write to stdout.
  const rows = lines
    .split('\n')
    .filter((line) => line.startsWith('{"name"'))
    .map((line) => JSON.parse(line))
  const bad = rows.filter(({ error, kill, busy }) => error || kill.count > 0 || busy.count > 0)
  for (const row of bad) console.error(JSON.stringify(row, null, 2))
  const text = readFileSync(page, 'utf8').replace(
    /(<!-- sdks -->\n)[^]*?(<!-- end of sdks -->)/,
    (_, from, to) => `${from}\n${table(rows)}\n\n${to}`,
  )
  writeFileSync(page, await formatted(page, text))
  console.log(`${rows.length - bad.length} passed, ${bad.length} failed`)
  if (bad.length > 0) process.exitCode = 1
} finally {
  rmSync(folder, { recursive: true })
}

function table(rows) {
  const cells = rows.map(({ name, version, how, off, kill, busy, loud, quiet, error }) => {
    if (error) return [`\`${name}\` ${version}`, `\`${how}\``, error, '', '']
    const own = loud.ended === 'goes on' ? `${loud.count} in 20 s, and more` : String(loud.count)
    const tries = loud.count === 1 ? '1' : `${own}; with ${off ?? 'nothing to turn it off'}: ${quiet.count}`
    return [
      `\`${name}\` ${version}`,
      `\`${how}\``,
      tries,
      `${loud.method}, ${loud.input}`,
      `${kill.count}, ${busy.count}`,
    ]
  })
  const head = ['package', 'how', 'tries of its own after a 503', 'sends', 'lost: kill, 503']
  const line = (list) => `| ${list.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...cells.map(line)].join('\n')
}
