// Takes pictures of the dashboard during the demo, in both themes and on a phone: `npm run screenshots`.
import { mkdir } from 'node:fs/promises'
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { once } from 'node:events'
import { chromium } from 'playwright-core'

const folder = 'docs/dashboard'
await mkdir(folder, { recursive: true })

const demo = spawn('npm', ['start', '--silent', '--', '--dashboard'], {
  stdio: ['ignore', 'pipe', 'inherit'],
})
const lines = createInterface({ input: demo.stdout })
/** Waits for the next line of the demo that matches. */
const told = async (wanted: RegExp): Promise<string> => {
  for (;;) {
    const [line] = (await once(lines, 'line')) as [string]
    const found = wanted.exec(line)
    if (found) return found[1] ?? line
  }
}
const url = await told(/dashboard: (http:\S+)/)

const browser = await chromium.launch({
  executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
  args: ['--no-sandbox'],
})
try {
  const open = async (options: { colorScheme: 'light' | 'dark'; width: number; height: number }) => {
    const { colorScheme, width, height } = options
    const page = await browser.newPage({ colorScheme, viewport: { width, height } })
    await page.goto(url)
    return page
  }
  const light = await open({ colorScheme: 'light', width: 1280, height: 1100 })
  const dark = await open({ colorScheme: 'dark', width: 1280, height: 1100 })
  const phone = await open({ colorScheme: 'light', width: 390, height: 844 })
  // s2 is dead, s3 is slow, and s4 fails for two seconds.
  await told(/s4 answers 503/)
  await light.waitForTimeout(2_200)
  await light.screenshot({ path: `${folder}/light.png` })
  await dark.screenshot({ path: `${folder}/dark.png` })
  await phone.screenshot({ path: `${folder}/phone.png` })
} finally {
  await browser.close()
  if (demo.exitCode === null) await once(demo, 'close')
}
