import { readdir, readFile } from 'node:fs/promises'
import { gzipSync } from 'node:zlib'
import { expect, it } from 'vitest'

const folder = new URL('../../src/dashboard/page/', import.meta.url)

it('the page has at most 150 kB compressed, and loads nothing from other servers', async () => {
  const files = await readdir(folder)
  expect(files).toContain('page.html')
  let bytes = 0
  for (const file of files) {
    const content = await readFile(new URL(file, folder), 'utf8')
    bytes += gzipSync(content).length
    expect(content).not.toMatch(/https?:\/\//)
  }
  expect(bytes).toBeLessThanOrEqual(150_000)
})
