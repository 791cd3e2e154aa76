import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { CHILD_TIMEOUT } from '../support/child.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))

it('the quick start of README runs as pasted, and ends by itself', { timeout: CHILD_TIMEOUT }, async () => {
  const readme = await readFile(`${root}README.md`, 'utf8')
  const [, code = ''] = /^```js\n([^]*?)^```$/m.exec(readme) ?? []
  const folder = await mkdtemp(join(tmpdir(), 'outrigger-quick-start-'))
  try {
    await mkdir(join(folder, 'node_modules'))
    await symlink(root, join(folder, 'node_modules', 'outrigger'))
    await writeFile(join(folder, 'quick-start.mjs'), code)
    const args = ['--conditions=@outrigger/source', 'quick-start.mjs']
    const env = { ...process.env, NODE_OPTIONS: '', NODE_NO_WARNINGS: '1' }
    const { stdout } = await promisify(execFile)(process.execPath, args, {
      cwd: folder,
      env,
      timeout: CHILD_TIMEOUT,
    })
    const answers = stdout.split('\n').filter((line) => /^\d+ /.test(line))
    expect(answers).toHaveLength(20)
    for (const line of answers) expect(line).toMatch(/^\d+ 200 hello from [AB]$/)
    expect(answers.slice(4).every((line) => line.endsWith('B'))).toBe(true)
  } finally {
    await rm(folder, { recursive: true })
  }
})
