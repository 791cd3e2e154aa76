import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { CHILD_TIMEOUT } from '../support/child.ts'

const examples = fileURLToPath(new URL('../../examples/', import.meta.url))

async function run(folder: string, ...args: string[]): Promise<{ stdout: string; stderr: string }> {
  const child = spawn(process.execPath, ['--conditions=@outrigger/source', ...args], {
    cwd: examples + folder,
    env: { ...process.env, NODE_OPTIONS: '', NODE_NO_WARNINGS: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: CHILD_TIMEOUT,
    killSignal: 'SIGKILL',
  })
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  return { stdout, stderr }
}

describe('the example', { timeout: CHILD_TIMEOUT }, () => {
  it.each(['axios.ts', 'ofetch.ts', 'openapi-fetch.ts', 'undici.ts'])(
    '%s runs, is answered by both instances, and ends by itself',
    async (file) => {
      const { stdout, stderr } = await run('ecosystem', file)
      expect(stderr).toBe('')
      expect(stdout).toContain(`by: 'first'`)
      expect(stdout).toContain(`by: 'second'`)
    },
  )

  it('thirty-services loses no call, whatever is done to it', async () => {
    const { stdout, stderr } = await run('thirty-services', 'main.ts')
    expect(stderr).toBe('')
    expect(stdout).toMatch(
      /\n30 services, \d{3,} calls, 0 failed, \d{3,} changes reported by events, \d+ copies, 1 document rejected\n$/,
    )
  })

  it('app.js runs with outrigger/register, without a change', async () => {
    const { stdout, stderr } = await run('register', '--import', 'outrigger/register', 'app.js')
    expect({ stdout, stderr }).toEqual({
      stdout: expect.stringMatching(/^(\d+ |request failed)/),
      stderr: '',
    })
  })
})
