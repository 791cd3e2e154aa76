import { AsyncLocalStorage } from 'node:async_hooks'
import { Registry } from 'prom-client'
import { expect, test } from 'vitest'
import { createClient, fixed, type Client } from '../../src/index.ts'
import { prometheus, type PrometheusOptions } from '../../src/prometheus.ts'
import { reply, startServer } from '../support/http-server.ts'

const span = new AsyncLocalStorage<string>()

function openMetrics(): Registry {
  const register = new Registry()
  register.setContentType(Registry.OPENMETRICS_CONTENT_TYPE as never)
  return register
}

function clientOf(url: string): Client {
  return createClient({ service: 'user-service', source: fixed([url]), retry: false })
}

/** The labels of the exemplars in a scrape: `name_bucket{…} 1 # {trace_id="a"} 0.002 1700000000.123`. */
function exemplarsIn(text: string): string[] {
  const pattern = /^outrigger_call_duration_seconds_bucket\{.*\} \d+ # \{(.*)\} [\d.e-]+ [\d.]+$/
  return text.split('\n').flatMap((line) => pattern.exec(line)?.[1] ?? [])
}

test('each of two concurrent calls has the exemplar of its own context', async () => {
  await using server = await startServer(reply(200, 'ok'))
  await using client = clientOf(server.url)
  const register = openMetrics()
  const seen: (string | undefined)[] = []
  const stop = prometheus(client, {
    register,
    exemplars: () => {
      const id = span.getStore()
      seen.push(id)
      return id === undefined ? undefined : { trace_id: id, span_id: '1' }
    },
  })
  await Promise.all(['a', 'b'].map((id) => span.run(id, async () => (await client('/')).text())))
  await (await client('/')).text()
  expect(new Set(seen)).toEqual(new Set(['a', 'b', undefined]))
  expect(seen).toHaveLength(3)
  const text = await register.metrics()
  // A bucket stores only its latest exemplar.
  expect(exemplarsIn(text).length).toBeGreaterThan(0)
  for (const each of exemplarsIn(text)) expect(each).toMatch(/^trace_id="[ab]",span_id="1"$/)
  expect(text).toContain('outrigger_call_duration_seconds_count')
  expect(text.trimEnd().endsWith('# EOF')).toBe(true)
  stop()
})

test.each<[string, () => unknown]>([
  [
    'throws',
    () => {
      throw new Error('mine')
    },
  ],
  ['is async by mistake', async () => ({ trace_id: 'a' })],
  ['is too long', () => ({ trace_id: 'x'.repeat(129) })],
  ['has a number', () => ({ trace_id: 1 })],
  ['would write lines of its own', () => ({ trace_id: '"} 1\nother_metric 5' })],
  ['has a name that is none', () => ({ 'trace id': 'a' })],
  ['returns a text', () => 'a'],
])('an exemplar that %s is omitted, and the call is counted', async (_name, exemplars) => {
  await using server = await startServer(reply(200, 'ok'))
  await using client = clientOf(server.url)
  const register = openMetrics()
  prometheus(client, { register, exemplars: exemplars as NonNullable<PrometheusOptions['exemplars']> })
  await (await client('/')).text()
  const text = await register.metrics()
  expect(exemplarsIn(text)).toEqual([])
  expect(text).not.toContain('other_metric')
  expect(text).toMatch(/^outrigger_call_duration_seconds_count\{.*\} 1$/m)
})

test('requires a function, and a registry in OpenMetrics format', async () => {
  await using client = clientOf('http://127.0.0.1:1')
  const make = (options: object) => (): unknown => prometheus(client, options)
  expect(make({ register: openMetrics(), exemplars: true })).toThrow(
    'prometheus().exemplars must be a function, got true',
  )
  expect(make({ register: new Registry(), exemplars: () => undefined })).toThrow(
    'prometheus().exemplars needs a registry in OpenMetrics format',
  )
})
