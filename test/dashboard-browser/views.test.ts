import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { serveDashboard, type ServedDashboard } from '../../src/dashboard.ts'
import { createClient, MemoryRegistry, type Client } from '../../src/index.ts'
import { fits, launch, open, violations } from './browser.ts'
import { startTraffic, type Traffic } from './traffic.ts'

const PATIENT = { timeout: 30_000 }

let browser: Browser
beforeAll(async () => {
  browser = await launch()
})
afterAll(() => browser.close())

let page: Page
let errors: string[]
const look = async (at: { url: string }): Promise<void> => {
  ;({ page, errors } = await open(browser, at.url))
}
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
    await look(served)
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
    expect(await rowOf('s2').locator('.why').textContent()).toMatch(/^open for \d+ m?s more$/)
    expect(await rowOf('s1').locator('.state').getAttribute('class')).toContain('good')
    expect(await rowOf('s1').textContent()).toContain('v3')
    expect(await page.locator('#routes').textContent()).toContain('GET /users/{id}')
    expect(await page.locator('#gauges').textContent()).toContain('Limit of GET /reports/**')
    expect(await page.locator('#mirrors').textContent()).toMatch(
      /^Mirror of the client: 5 % of its requests to version v3 \(5 instances\)\. \d+ copies sent, /,
    )
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
        expect(await violations(page)).toEqual([])
        expect(await fits(page)).toBe(true)
      }
    }
    expect(errors).toEqual([])
  })

  it('is used by keyboard: an instance is isolated after it was said what will happen', async () => {
    await using served = await serveDashboard(traffic.client, { actions: { authorize: () => 'ann' } })
    await look(served)
    await page.getByRole('button', { name: 'isolate s1' }).focus()
    await page.keyboard.press('Enter')
    const dialog = page.getByRole('dialog')
    await dialog.getByText('gets no further call').waitFor()
    expect(await dialog.textContent()).toMatch(/Other instances that stay in use: [23]\./)
    expect(await violations(page)).toEqual([])
    await page.keyboard.press('Escape')
    await dialog.waitFor({ state: 'hidden' })
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
    await look(served)
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
    await look(served)
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
    client = createClient({
      service: 'hostile',
      source: registry,
      breaker: { failureThreshold: 1 },
      retry: false,
    })
    await client.ready()
    served = await serveDashboard(client)
    await look(served)
    await rowOf('__proto__').waitFor()
    for (let call = 0; call < 2; call++)
      await client.execute(() => Promise.reject(new Error(MARKUP))).catch(() => {})
    await page.locator('#log').getByText('breaker:open').first().waitFor()
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

  it('may be 10,000 characters long, and may have characters that nobody sees', async () => {
    const registry = new MemoryRegistry()
    const long = (name: string): string => `${name}-${'x'.repeat(10_000)}-end`
    const metadata = { version: long('version') }
    registry.register('hostile', { id: long('a'), url: 'http://127.0.0.1:1', zone: long('zone'), metadata })
    registry.register('hostile', { id: long('b'), url: 'http://127.0.0.1:2' })
    registry.register('hostile', { id: 'c\u202Egnp\n\u0000\u200Bd', url: 'http://127.0.0.1:3' })
    client = createClient({ service: 'hostile', source: registry })
    await client.ready()
    served = await serveDashboard(client, { actions: { authorize: () => true } })
    await look(served)
    const unseen = String.raw`c\u{202e}gnp\u{a}\u{0}\u{200b}d`
    await rowOf(unseen).waitFor()
    for (const width of [1280, 390]) {
      await page.setViewportSize({ width, height: 900 })
      expect(await fits(page)).toBe(true)
      // Rows are as tall as any, which the table counts on.
      const tall = await page
        .locator('#instances tbody tr')
        .evaluateAll((rows) => rows.map((row) => row.clientHeight))
      expect(new Set(tall).size).toBe(1)
    }
    const first = page.locator('#instances tbody tr').first()
    await first.getByRole('button', { name: /^a-x+…x+-end$/ }).click()
    const dialog = page.getByRole('dialog')
    expect(await dialog.locator('pre').textContent()).toBe(long('a'))
    expect(await violations(page)).toEqual([])
    expect(await fits(page)).toBe(true)
    await page.keyboard.press('Escape')
    // What is done, is done to the instance of the whole name.
    await first.getByRole('button', { name: 'isolate' }).press('Enter')
    await dialog.getByText(/^isolate a-x+…x+-end\?$/).waitFor()
    await dialog.getByRole('button', { name: 'Do it' }).press('Enter')
    await page.locator('#told').getByText('done').waitFor()
    expect(client.snapshot().instances.map(({ byHand }) => byHand !== undefined)).toEqual([
      true,
      false,
      false,
    ])
    await page.getByRole('button', { name: 'Who would be picked?' }).click()
    await page.locator('#explanation').getByText(unseen).waitFor()
    expect(await fits(page)).toBe(true)
    expect(await violations(page)).toEqual([])
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
