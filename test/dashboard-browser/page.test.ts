import { createRequire } from 'node:module'
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createClient, fixed, MemoryRegistry, type Client } from '../../src/index.ts'
import { serveDashboard, type DashboardOptions } from '../../src/dashboard.ts'
import { refusedUrl, reply, startServer, type TestServer } from '../support/http-server.ts'
import { until } from '../support/until.ts'

const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js')

let browser: Browser
beforeAll(async () => {
  browser = await chromium.launch({
    executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
    args: ['--no-sandbox'],
  })
})
afterAll(() => browser.close())

let good: TestServer
let client: Client
let load: NodeJS.Timeout | undefined
let problems: string[]
beforeEach(async () => {
  good = await startServer(reply(200, 'ok'))
  problems = []
})
afterEach(async () => {
  clearInterval(load)
  await client.close()
  await good.close()
  // Neither a script that failed nor one that the policy has stopped.
  if (problems.length > 0) throw new Error(problems.join('\n'))
})

async function open(url: string, options: BrowserContextOptions = {}): Promise<Page> {
  const page = await browser.newPage(options)
  page.on('pageerror', (error) => problems.push(String(error)))
  page.on('console', (message) => {
    if (message.type() === 'error' && !message.text().includes('ERR_CONNECTION_REFUSED'))
      problems.push(message.text())
  })
  page.on('request', (request) => {
    if (!request.url().startsWith(url) && !request.url().startsWith('data:')) problems.push(request.url())
  })
  await page.goto(url)
  return page
}

/** Calls until the test is over. */
function steadily(path = '/users/42'): void {
  load = setInterval(
    () =>
      void client(path)
        .then((response) => response.text())
        .catch(() => {}),
    20,
  )
}

async function served(options: DashboardOptions = {}): ReturnType<typeof serveDashboard> {
  return serveDashboard(client, options)
}

describe('the page', () => {
  it('shows which instance is out, and why, with the word beside the colour', async () => {
    await using failing = await startServer(reply(500))
    const instances = [
      { id: 'dead', url: await refusedUrl() },
      { id: 'failing', url: failing.url, zone: 'eu' },
      { id: 'good', url: good.url, metadata: { version: 'v2' } },
    ]
    client = createClient({
      service: 'user-service',
      source: fixed(instances),
      breaker: { failureThreshold: 2, openFor: 60_000 },
      routes: { 'GET /users/{id}': {} },
    })
    await using at = await served()
    const page = await open(at.url)
    await page.locator('#instances tbody tr').first().waitFor()
    steadily()
    const rowOf = (id: string) => page.locator('#instances tbody tr', { hasText: id })
    await rowOf('failing').locator('.state.out', { hasText: 'open' }).waitFor()
    await rowOf('dead').locator('.state.out', { hasText: 'open' }).waitFor()
    await rowOf('good').locator('.state.good', { hasText: 'available' }).waitFor()
    expect(await rowOf('failing').locator('.why').textContent()).toMatch(/^open for \d+ ms more$/)
    expect(await rowOf('good').textContent()).toContain('v2')
    await page.locator('#services tbody', { hasText: '1 of 3 in use' }).waitFor()
    await page.locator('#routes tbody', { hasText: 'GET /users/{id}' }).waitFor()
    await page.locator('#log', { hasText: 'breaker:open' }).waitFor()
    await page.locator('#filter input').fill('failing')
    expect(await page.locator('#log').textContent()).not.toContain('instance dead')
    await page.locator('#explain input').fill('/users/1')
    await page.locator('#explain button').click()
    await page.locator('#explanation', { hasText: 'may be picked' }).waitFor()
    await page.close()
  })

  it.each<[string, BrowserContextOptions]>([
    ['light', { colorScheme: 'light' }],
    ['dark', { colorScheme: 'dark', reducedMotion: 'reduce' }],
    ['on a phone', { viewport: { width: 390, height: 800 } }],
  ])('has no violation that axe finds, %s', async (_name, options) => {
    client = createClient({ service: 'user-service', source: fixed([good.url]) })
    steadily()
    await using at = await served({ actions: { authorize: () => true } })
    const page = await open(at.url, { ...options, bypassCSP: true })
    await page.locator('#instances tbody tr').waitFor()
    await page.addScriptTag({ path: axe })
    const violations = await page.evaluate(async () => {
      const { axe: tool } = globalThis as unknown as {
        axe: { run(): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> }
      }
      return (await tool.run()).violations.map(
        ({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`,
      )
    })
    expect(violations).toEqual([])
    expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true)
    await page.close()
  })

  it('shows markup in every name as text', async () => {
    const hostile = `<img src=x onerror="document.title='owned'"><script>document.title='owned'</script>`
    const registry = new MemoryRegistry()
    registry.register('user-service', {
      id: hostile,
      url: good.url,
      zone: hostile,
      metadata: { version: hostile },
    })
    client = createClient({
      service: 'user-service',
      source: registry,
      breaker: { failureThreshold: 1 },
      retry: false,
    })
    await client.ready()
    await using at = await served()
    const page = await open(at.url)
    await page.locator('#instances tbody tr').waitFor()
    const boom = Promise.reject(new Error(hostile))
    await client.execute(() => boom).catch(() => {})
    client.isolate(hostile, { reason: hostile, force: true })
    await page.locator('#log', { hasText: 'onerror' }).waitFor()
    expect(await page.title()).toBe('Outrigger')
    expect(await page.locator('img').count()).toBe(0)
    expect(await page.locator('#instances tbody tr').first().textContent()).toContain('<img src=x')
    await page.close()
  })

  it('shows a thousand instances, the bad ones first', async () => {
    const many = Array.from({ length: 1000 }, (_, index) => ({
      id: `i${index}`,
      url: `http://10.0.${index >> 8}.${index & 255}:80`,
    }))
    client = createClient({ service: 'large', source: fixed(many) })
    await client.ready()
    client.isolate('i777')
    await using at = await served()
    const page = await open(at.url)
    await page.locator('#instances tbody tr').first().filter({ hasText: 'i777' }).waitFor()
    expect(await page.locator('#instances tbody tr').count()).toBe(200)
    expect(await page.locator('#more').textContent()).toContain('800 others')
    await page.close()
  })

  it('goes on when the process behind it starts anew', async () => {
    client = createClient({ service: 'user-service', source: fixed([good.url]) })
    await client.ready()
    const first = await served()
    const page = await open(first.url)
    await page.locator('#connection', { hasText: 'live' }).waitFor()
    await first.close()
    await page.locator('#connection', { hasText: 'not connected' }).waitFor()
    await using second = await serveDashboard(client, { port: Number(new URL(first.url).port) })
    await page.locator('#connection', { hasText: 'live' }).waitFor()
    expect(second.url).toBe(first.url)
    await page.close()
  })
})

describe('actions', () => {
  it('are not offered without permission', async () => {
    client = createClient({ service: 'user-service', source: fixed([good.url]) })
    await client.ready()
    await using at = await served()
    const page = await open(at.url)
    await page.locator('#instances tbody tr').waitFor()
    expect(await page.locator('#instances button').first().isVisible()).toBe(false)
    await page.close()
  })

  it('say what will happen, and do it once it is confirmed', async () => {
    const instances = [
      { id: 'a', url: good.url },
      { id: 'b', url: good.url.replace('127.0.0.1', 'localhost') },
    ]
    client = createClient({ service: 'user-service', source: fixed(instances) })
    await client.ready()
    await using at = await served({ actions: { authorize: () => 'ann' } })
    const page = await open(at.url)
    const isolated = (): string | undefined => client.snapshot().instances[1]?.byHand?.isolated?.reason
    await page.getByRole('button', { name: 'isolate b', exact: true }).click()
    expect(await page.locator('#confirm-text').textContent()).toContain('1 other instances stay in use')
    await page.locator('#confirm button[value=no]').click()
    expect(isolated()).toBeUndefined()
    await page.getByRole('button', { name: 'isolate b', exact: true }).click()
    await page.locator('#confirm input[name=reason]').fill('INC-7')
    await page.locator('#confirm button[value=yes]').click()
    await until(() => isolated() === 'INC-7 (dashboard: ann)')
    await page.locator('#instances tbody tr', { hasText: 'isolated by hand' }).waitFor()
    await page.locator('#log', { hasText: 'INC-7' }).waitFor()
    await page.close()
  })
})
