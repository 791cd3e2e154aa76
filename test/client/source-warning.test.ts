import { expect, it, vi } from 'vitest'
import { createClient, type Source } from '../../src/index.ts'

it('the warning about a failed registry does not contain credentials from its address', async () => {
  const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
  try {
    const source: Source = {
      // eslint-disable-next-line require-yield -- a source that fails at once
      async *watch() {
        await Promise.resolve()
        throw new Error('GET http://ann:hunter2@registry.invalid:8500/v1?token=hunter3: refused')
      },
    }
    const users = createClient({ service: 'svc', source })
    await expect(users.ready({ timeout: 10 })).rejects.toMatchObject({ code: 'ERR_OUTRIGGER_NO_INSTANCE' })
    const text = JSON.stringify(warn.mock.calls)
    expect(text).toContain('the source of svc failed')
    expect(text).toContain('***@registry.invalid:8500/v1')
    expect(text).not.toMatch(/hunter/)
    await users.close()
  } finally {
    warn.mockRestore()
  }
})
