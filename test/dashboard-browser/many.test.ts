import { setTimeout as sleep } from 'node:timers/promises'
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { serveDashboard, type ServedDashboard } from '../../src/dashboard.ts'
import { fits, launch, memoryOf, open, violations } from './browser.ts'
import { heapOfProcess, Scripted, SteppedClock, type ScriptedInstance } from './scripted.ts'

const PATIENT = { timeout: 30_000 }
const MB = 1024 * 1024

let browser: Browser
beforeAll(async () => {
  browser = await launch()
})
afterAll(() => browser.close())

let clock: SteppedClock
let many: Scripted
let served: ServedDashboard
let page: Page
let errors: string[]
beforeEach(async () => {
  clock = new SteppedClock()
  const instances = Array.from({ length: 1_000 }, (_, n): ScriptedInstance => ({
    id: `pod-${n}`,
    state: 'available',
    zone: `z${n % 3}`,
    version: 'v1',
  }))
  many = new Scripted('many', instances, clock)
  served = await serveDashboard(many.shown, { clock, actions: { authorize: () => true } })
  ;({ page, errors } = await open(browser, served.url))
  await clock.step()
  await page.locator('#services').getByText('1000 of 1000 in use').waitFor()
})
afterEach(async () => {
  await page.close()
  await served.close()
})

/** A frame in which every instance was called, and another one is out. */
async function busyFrame(number: number): Promise<void> {
  many.instances.forEach((instance, n) => {
    instance.state = (n + number) % 250 === 0 ? 'open' : 'available'
    many.call(instance.id, 1 + ((n * 7 + number) % 40), n % 100 === 0 ? 'failure' : 'success')
  })
  many.tell('breaker:open', `pod-${number % 1_000}`, { from: 'closed', to: 'open', reason: 'failures' })
  await clock.step()
}

const rows = (): ReturnType<Page['locator']> => page.locator('#instances tbody tr:not(.gap)')

describe('a thousand instances', () => {
  it('are rows of one table, of which only those that are seen are in the page', async () => {
    const table = page.locator('#instances')
    expect(await table.getAttribute('aria-rowcount')).toBe('1001')
    expect(await rows().count()).toBeLessThan(40)
    expect(await rows().first().getAttribute('aria-rowindex')).toBe('2')
    expect(await table.locator('thead tr').getAttribute('aria-rowindex')).toBe('1')
    const region = page.getByRole('region', { name: 'Instances' })
    await region.evaluate((it) => it.scrollTo(0, 15_000))
    await page.locator('#instances').getByText('pod-502', { exact: true }).waitFor()
    expect(await rows().count()).toBeLessThan(40)
    const indexes = await rows().evaluateAll((all) => all.map((row) => Number(row.ariaRowIndex)))
    expect(indexes).toEqual(indexes.map((_, n) => (indexes[0] ?? 0) + n))
    // What is in the row is what its index says.
    const [id] = await rows().locator('td:first-child').allTextContents()
    expect(id).toBe(`pod-${(indexes[0] ?? 0) - 2}`)
    // As tall as all of them.
    expect(await region.evaluate((it) => it.scrollHeight)).toBeGreaterThan(29_000)
    expect(await violations(page)).toEqual([])
    expect(await fits(page)).toBe(true)
    expect(errors).toEqual([])
  })

  it('are reached by keyboard, and what has the focus keeps it while rows come, go and move', async () => {
    const region = page.getByRole('region', { name: 'Instances' })
    await region.focus()
    await page.keyboard.press('End')
    await page.locator('#instances').getByText('pod-999', { exact: true }).waitFor()
    expect(await rows().last().getAttribute('aria-rowindex')).toBe('1001')
    await page.keyboard.press('Home')
    await page.locator('#instances').getByText('pod-0', { exact: true }).waitFor()
    // Four buttons in a row: 30 rows further than were there.
    await page.getByRole('button', { name: 'isolate pod-0', exact: true }).focus()
    for (let row = 0; row < 30; row++) {
      for (let stop = 0; stop < 4; stop++) await page.keyboard.press('Tab')
      await page.evaluate(
        'new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))',
      )
    }
    const focus = () => page.evaluate('document.activeElement.ariaLabel')
    expect(await focus()).toBe('isolate pod-30')
    // It is the worst now, and so goes to the top; then the region is scrolled away from it.
    many.instances[30]!.state = 'open'
    await clock.step()
    await expect.poll(() => rows().first().textContent(), PATIENT).toContain('pod-30')
    expect(await focus()).toBe('isolate pod-30')
    await region.evaluate((it) => it.scrollTo(0, 20_000))
    await page.locator('#instances').getByText('pod-650', { exact: true }).waitFor()
    await busyFrame(1)
    expect(await focus()).toBe('isolate pod-30')
    await page.keyboard.press('Enter')
    await page.getByRole('dialog').getByText('isolate pod-30?').waitFor()
    await clock.step()
    await page.keyboard.press('Escape')
    await expect.poll(focus, PATIENT).toBe('isolate pod-30')
    expect(errors).toEqual([])
  })

  it('have their figures in full, slow ones too', async () => {
    many.call('pod-0', 65_000)
    many.call('pod-1', 999)
    await clock.step()
    await rows().first().getByText('65.5 s').first().waitFor()
    const cells = await page
      .locator('#instances tbody .number')
      .evaluateAll((all) =>
        all.filter((cell) => cell.scrollWidth > cell.clientWidth).map((cell) => cell.textContent),
      )
    expect(cells).toEqual([])
  })

  it('are found by name, and the number that was found is told', async () => {
    const region = page.getByRole('region', { name: 'Instances' })
    await region.evaluate((it) => it.scrollTo(0, 20_000))
    await page.getByLabel('Find an instance').fill('pod-77')
    await expect.poll(() => rows().count(), PATIENT).toBe(11)
    expect(await page.locator('#instances').getAttribute('aria-rowcount')).toBe('12')
    await page.getByText('11 of 1,000 instances').waitFor()
    await page.getByLabel('Find an instance').fill('nobody')
    await expect.poll(() => rows().count(), PATIENT).toBe(0)
    await page.getByLabel('Find an instance').fill('')
    await page.locator('#instances').getByText('pod-0', { exact: true }).waitFor()
  })

  it('have lines in the log, which are chosen by instance and kind; what is chosen stays while others come', async () => {
    await busyFrame(1)
    await busyFrame(2)
    const lines = page.locator('#log li')
    await expect.poll(() => lines.count(), PATIENT).toBe(2)
    const instance = page.locator('#filter select[name=instance]')
    await instance.selectOption('pod-1')
    await expect
      .poll(() => lines.allTextContents(), PATIENT)
      .toEqual([expect.stringContaining('instance pod-1,')])
    await instance.focus()
    await busyFrame(3)
    await instance.locator('option', { hasText: 'pod-3' }).waitFor({ state: 'attached' })
    expect(await instance.inputValue()).toBe('pod-1')
    expect(await page.evaluate('document.activeElement.name')).toBe('instance')
    expect(await lines.count()).toBe(1)
    many.tell('breaker:close', 'pod-1', { from: 'half-open', to: 'closed', reason: 'probes-succeeded' })
    await clock.step()
    await expect.poll(() => lines.count(), PATIENT).toBe(2)
    await page.locator('#filter select[name=kind]').selectOption('breaker:close')
    await expect
      .poll(() => lines.allTextContents(), PATIENT)
      .toEqual([expect.stringContaining('breaker:close')])
    await lines.getByRole('button', { name: 'show it in the charts' }).press('Enter')
    await page
      .locator('#moment')
      .getByText(/^00:00:0\d: /)
      .waitFor()
    expect(await violations(page)).toEqual([])
    expect(errors).toEqual([])
  })

  it('are seen again as they are by a page that nobody saw for a time, and what it missed is in its charts', async () => {
    const asked: string[] = []
    page.on('request', (request) => asked.push(new URL(request.url()).search))
    await busyFrame(1)
    await page.locator('#instances').getByText('pod-249', { exact: true }).waitFor()
    const hide = (hidden: boolean): Promise<unknown> =>
      page.evaluate(
        `Object.defineProperty(document, 'hidden', { value: ${hidden}, configurable: true });
         document.dispatchEvent(new Event('visibilitychange'));
         new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))`,
      )
    const time = page.locator('#time')
    await hide(true)
    const before = await time.textContent()
    for (let frame = 2; frame < 6; frame++) await busyFrame(frame)
    expect(await time.textContent()).toBe(before)
    await hide(false)
    await page.locator('#instances').getByText('pod-245', { exact: true }).waitFor()
    expect(await time.textContent()).toBe('00:00:06')
    expect(asked).toContainEqual(expect.stringMatching(/^\?after=\d+$/))
    // Each second has its line in the log.
    for (let frame = 1; frame < 6; frame++) await page.locator('#log').getByText(`pod-${frame},`).waitFor()
    expect(errors).toEqual([])
  })

  it(
    'of two hours, the page keeps the last five minutes, and of instances that came and went only those',
    { timeout: 300_000 },
    async () => {
      const { instances } = many
      // Every minute another twenty instances, as deployments do.
      const run = async (from: number, seconds: number): Promise<void> => {
        for (let second = from; second < from + seconds; second++) {
          const minute = Math.floor(second / 60)
          many.instances = instances.slice(0, 20).map((each) => ({ ...each, id: `${each.id}-${minute}` }))
          for (const { id } of many.instances) many.call(id, 1 + (second % 40))
          many.tell('instance:added', `pod-0-${minute}`, { instances: 20 })
          await clock.step()
          if (second % 60 === 59)
            await page.locator('#instances').getByText(`pod-0-${minute}`, { exact: true }).waitFor()
        }
      }
      await run(0, 1_200)
      const before = { page: await memoryOf(page), process: heapOfProcess() }
      await run(1_200, 6_000)
      const after = { page: await memoryOf(page), process: heapOfProcess() }
      expect(await page.locator('#time').textContent()).toBe('02:00:01')
      expect(after.page.nodes - before.page.nodes).toBeLessThan(200)
      expect(after.page.heap - before.page.heap).toBeLessThan(2 * MB)
      expect(after.process - before.process).toBeLessThan(8 * MB)
      expect(await page.locator('#log li').count()).toBe(500)
      // Of those that are gone, none is told of: they were well.
      expect(await page.locator('#rows').textContent()).toBe(', 10 of 20: those that were out the longest')
      // Calls of 1 to 40 ms: the heat map has them in all of its columns, and nothing above. An instance was there for one of five minutes.
      expect(await filledOf('latency', 60, 0, 1, 0.15)).toBe(0)
      expect(await filledOf('latency', 60, 0.15, 1, 1)).toBeGreaterThan(0.95)
      expect(await filledOf('breakers', 110, 0.02, 1, 0.05)).toBeCloseTo(0.2, 1)
      await page.locator('#traffic').hover({ position: { x: 60, y: 20 } })
      await page
        .locator('#moment')
        .getByText(/^01:55:0\d: 20 calls, 0 failed/)
        .waitFor()
      expect(errors).toEqual([])
    },
  )

  it(
    'at ten updates a second for a minute, and while they are scrolled, take no more and more memory',
    { timeout: 600_000 },
    async () => {
      const run = async (from: number, frames: number): Promise<void> => {
        for (let frame = from; frame < from + frames; frame++) {
          await busyFrame(frame)
          if (frame % 5 === 0) await page.mouse.wheel(0, frame % 100 < 50 ? 400 : -400)
          await sleep(100)
        }
      }
      await page.getByRole('region', { name: 'Instances' }).hover()
      // The charts keep three bytes for each instance and frame, up to 300 frames: 0.9 MB when they are full.
      await run(0, 300)
      const before = { page: await memoryOf(page), process: heapOfProcess() }
      await page.evaluate(COUNT_PICTURES)
      await run(300, 300)
      const pictures = (await page.evaluate('pictures')) as { count: number; ms: number; longTasks: number }
      // No assertion: it depends on what else the machine does.
      console.log(
        `1,000 instances: ${((pictures.count / pictures.ms) * 1_000).toFixed(1)} pictures a second, ${pictures.longTasks} tasks of more than 50 ms`,
      )
      const after = { page: await memoryOf(page), process: heapOfProcess() }
      // The log goes on from 300 lines to 500, of four nodes each.
      expect(after.page.nodes - before.page.nodes).toBeLessThan(1_000)
      expect(after.page.heap - before.page.heap).toBeLessThan(2 * MB)
      expect(after.process - before.process).toBeLessThan(8 * MB)
      expect(await rows().count()).toBeLessThan(40)
      expect(errors).toEqual([])
    },
  )
})

/** Pictures that the browser has drawn, and tasks that were long, from now on. */
const COUNT_PICTURES = `(() => {
  const pictures = (globalThis.pictures = { count: 0, ms: 0, longTasks: 0 })
  const began = performance.now()
  const drawn = () => {
    pictures.count++
    pictures.ms = performance.now() - began
    requestAnimationFrame(drawn)
  }
  requestAnimationFrame(drawn)
  new PerformanceObserver((list) => (pictures.longTasks += list.getEntries().length)).observe({ type: 'longtask' })
})()`

/** The share of columns of a chart, from `left` pixels on, that have something drawn between two heights. */
function filledOf(id: string, left: number, top: number, right: number, bottom: number): Promise<unknown> {
  return page.evaluate(`(() => {
    const canvas = document.getElementById('${id}')
    const { width, height } = canvas
    const [from, to] = [Math.ceil(${left} * devicePixelRatio), Math.floor(width * ${right}) - 2]
    const [above, below] = [Math.floor((height - 16) * ${top}), Math.ceil((height - 16) * ${bottom})]
    const { data } = canvas.getContext('2d').getImageData(0, 0, width, height)
    let filled = 0
    for (let x = from; x < to; x++) {
      let isFilled = false
      for (let y = above; y < below; y++) if (data[(y * width + x) * 4 + 3] > 0) isFilled = true
      if (isFilled) filled++
    }
    return filled / (to - from)
  })()`)
}
