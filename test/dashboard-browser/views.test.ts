import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { chromium, type Browser, type Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { serveDashboard, type ServedDashboard } from '../../src/dashboard.ts'
import { createClient, MemoryRegistry, type Client } from '../../src/index.ts'
import { startTraffic, type Traffic } from './traffic.ts'

const PATIENT = { timeout: 30_000 }

let browser: Browser
beforeAll(async () => {
  const executablePath = process.env['CHROMIUM'] ?? '/usr/bin/chromium'
  browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] })
})
afterAll(() => browser.close())

/** Errors of the page, refusals of its Content-Security-Policy among them. */
let errors: string[] = []
let page: Page
beforeEach(async () => {
  errors = []
  page = await browser.newPage({ viewport: { width: 1280, height: 900 } })
  page.setDefaultTimeout(20_000)
  page.on('pageerror', (error) => errors.push(String(error)))
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text())
  })
  page.on('request', (request) => {
    if (new URL(request.url()).hostname !== '127.0.0.1' && !request.url().startsWith('data:'))
      errors.push(`asked elsewhere: ${request.url()}`)
  })
})
afterEach(() => page.close())

const rowOf = (id: string) =>
  page
    .locator('#instances tbody tr')
    .filter({ has: page.locator('td:first-child').getByText(id, { exact: true }) })

describe('with a killed, a slow and a failing instance', () => {
  let traffic: Traffic
  beforeAll(async () => {
    traffic = await startTraffic()
  })
  afterAll(() => traffic[Symbol.asyncDispose]())

  it('shows each view, in both themes and on a phone, without a violation of accessibility', async () => {
    await using served = await serveDashboard(traffic.client, { actions: { authorize: () => true } })
    await page.goto(served.url)
    await rowOf('s1').getByText('available').waitFor()
    traffic.become('s2', 'dead')
    traffic.become('s3', 'slow')
    traffic.become('s4', 'failing')
    await rowOf('s2').getByText('open', { exact: true }).waitFor()
    await rowOf('s4').getByText('open', { exact: true }).waitFor()
    await page.locator('#services').getByText('3 of 5 in use').waitFor()
    await page.locator('#log').getByText('breaker:open').first().waitFor()
    // Colour and word.
    expect(await rowOf('s2').locator('.state').getAttribute('class')).toContain('out')
    expect(await rowOf('s2').locator('.why').textContent()).toContain('open for')
    expect(await page.locator('#routes').textContent()).toContain('GET /users/{id}')
    expect(await page.locator('#gauges').textContent()).toContain('Limit of GET /reports/**')
    for (const id of ['traffic', 'breakers', 'latency']) expect(await coloursOf(id)).toBeGreaterThan(3)

    await page.getByLabel('Route or path').fill('/users/42')
    await page.getByRole('button', { name: 'Who would be picked?' }).click()
    await page.locator('#explanation').getByText('3 of 5 instances may be picked').waitFor()

    await page.getByRole('button', { name: 'show it in the charts' }).first().click()
    await page.locator('#moment').getByText('calls').waitFor()
    await page.getByLabel('Show only lines with').fill('breaker:open s4')
    await page.getByLabel('Show only lines with').fill('s4')
    expect(await page.locator('#log li').allTextContents()).not.toContainEqual(expect.stringContaining('s2,'))

    for (const colorScheme of ['light', 'dark'] as const) {
      for (const width of [1280, 390]) {
        await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
        await page.setViewportSize({ width, height: 900 })
        expect(await violations()).toEqual([])
        expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true)
      }
    }
    expect(errors).toEqual([])
  })

  it('is used by keyboard: an instance is isolated after it was said what will happen', async () => {
    await using served = await serveDashboard(traffic.client, { actions: { authorize: () => 'ann' } })
    await page.goto(served.url)
    await page.getByRole('button', { name: 'isolate s1' }).focus()
    await page.keyboard.press('Enter')
    await page.getByRole('dialog').getByText('gets no further call').waitFor()
    expect(await violations()).toEqual([])
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'hidden' })
    expect(traffic.client.snapshot().instances.some(({ byHand }) => byHand)).toBe(false)

    await page.getByRole('button', { name: 'isolate s1' }).press('Enter')
    await page.getByLabel('Reason').fill('INC-1')
    await page.getByRole('button', { name: 'Do it' }).press('Enter')
    await page.locator('#told').getByText('done: isolate s1').waitFor()
    await rowOf('s1').getByText('open, by hand').waitFor()
    await page.locator('#log').getByText('INC-1 (dashboard: ann)').waitFor()
    expect(traffic.client.snapshot().instances[0]?.byHand?.isolated?.reason).toBe('INC-1 (dashboard: ann)')

    await page.getByRole('button', { name: 'restore s1' }).press('Enter')
    await page.getByRole('button', { name: 'Do it' }).press('Enter')
    await page.locator('#told').getByText('done: restore s1').waitFor()
    expect(traffic.client.snapshot().instances[0]?.byHand).toBeUndefined()
    expect(errors).toEqual([])
  })

  it('offers nothing to do by hand without permission, and the process refuses it', async () => {
    await using served = await serveDashboard(traffic.client)
    await page.goto(served.url)
    await rowOf('s1').waitFor()
    expect(await page.getByRole('button', { name: 'isolate s1' }).count()).toBe(0)
    const status = await page.evaluate(`fetch('act', {
      method: 'POST',
      headers: { 'x-outrigger-dashboard': '1' },
      body: JSON.stringify({ service: 'user-service', action: 'isolate', id: 's1' }),
    }).then(({ status }) => status)`)
    expect(status).toBe(403)
    expect(traffic.client.snapshot().instances[0]?.byHand).toBeUndefined()
  })

  it('says so when the process is gone, and goes on with the next one', async () => {
    let served = await serveDashboard(traffic.client)
    const port = Number(new URL(served.url).port)
    await page.goto(served.url)
    await page.getByText('live').waitFor()
    await served.close()
    await page.getByText('not connected').waitFor()
    served = await serveDashboard(traffic.client, { port })
    await page.getByText('live').waitFor()
    await expect
      .poll(async () => Number(await page.locator('#services td.number').first().textContent()), PATIENT)
      .toBeGreaterThan(0)
    await served.close()
  })

  it('leaves when nobody sees it, and asks for what it missed when it is seen again', async () => {
    const asked: string[] = []
    page.on('request', (request) => asked.push(new URL(request.url()).search))
    await using served = await serveDashboard(traffic.client)
    await page.goto(served.url)
    await rowOf('s1').waitFor()
    const look = (hidden: boolean): Promise<unknown> =>
      page.evaluate(
        `Object.defineProperty(document, 'hidden', { value: ${hidden}, configurable: true });
         document.dispatchEvent(new Event('visibilitychange'))`,
      )
    await look(true)
    const before = await page.locator('#time').textContent()
    await page.waitForTimeout(2_500)
    expect(await page.locator('#time').textContent()).toBe(before)
    await look(false)
    await expect.poll(() => page.locator('#time').textContent(), PATIENT).not.toBe(before)
    expect(asked.some((search) => /^\?after=\d+$/.test(search))).toBe(true)
  })
})

const MARKUP = '<img src=x onerror=document.body.remove()><script>document.body.remove()</script>'

describe('what registries say', () => {
  let client: Client
  let served: ServedDashboard
  afterEach(async () => {
    await served.close()
    await client.close()
  })

  it('is text, whatever it is: markup in ids, zones, versions, reasons and errors', async () => {
    const registry = new MemoryRegistry()
    const metadata = { version: MARKUP, [MARKUP]: MARKUP }
    registry.register('hostile', { id: MARKUP, url: 'http://127.0.0.1:1', zone: MARKUP, metadata })
    registry.register('hostile', { id: '__proto__', url: 'http://127.0.0.1:2' })
    client = createClient({ service: 'hostile', source: registry })
    await client.ready()
    served = await serveDashboard(client)
    await page.goto(served.url)
    await rowOf('__proto__').waitFor()
    client.drain(MARKUP, { reason: MARKUP })
    await page.locator('#log').getByText(MARKUP).first().waitFor()
    await page.getByLabel('Route or path').fill(`/${MARKUP}`)
    await page.getByRole('button', { name: 'Who would be picked?' }).click()
    await page.locator('#explanation').waitFor()
    expect(await page.locator('img').count()).toBe(0)
    expect(await page.locator('script').count()).toBe(1)
    expect(await rowOf(MARKUP).textContent()).toContain(MARKUP)
    expect(errors).toEqual([])
  })

  it('may be a thousand instances', async () => {
    const registry = new MemoryRegistry()
    for (let n = 0; n < 1_000; n++)
      registry.register('many', { id: `pod-${n}`, url: `http://127.0.0.1:${20_000 + n}`, zone: `z${n % 3}` })
    client = createClient({ service: 'many', source: registry })
    await client.ready()
    served = await serveDashboard(client)
    await page.goto(served.url)
    await page.locator('#services').getByText('1000 of 1000 in use').waitFor()
    expect(await page.locator('#instances tbody tr').count()).toBe(200)
    client.isolate('pod-999', { reason: 'INC-2' })
    await page.locator('#instances tbody tr').first().getByText('pod-999').waitFor()
    await page.getByLabel('Find an instance').fill('pod-777')
    await expect.poll(() => page.locator('#instances tbody tr').count(), PATIENT).toBe(1)
    expect(errors).toEqual([])
  })
})

/** How many colours a chart has. */
function coloursOf(id: string): Promise<number> {
  return page.evaluate(`(() => {
    const canvas = document.getElementById('${id}')
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
    return new Set(new Uint32Array(data.buffer)).size
  })()`)
}

async function violations(): Promise<unknown> {
  const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
  // Not as a script of the page, which its policy would refuse.
  await page.evaluate(axe)
  return page.evaluate(
    'axe.run(document).then(({ violations }) => violations.map(({ id, nodes }) => [id, ...nodes.map(({ target }) => target.join(" "))]))',
  )
}
