import { atEach, SETTLING } from '../harness/at-each.ts'
import { naiveRoundRobin, stayBusy } from '../harness/drive.ts'
import { clientFor, PATH } from '../harness/http.ts'
import type { Client } from 'outrigger'
import type { Comparison, Context, Row, Round } from '../harness/row.ts'

const CONCURRENCY = 32
const LEVELS = [[CONCURRENCY, 2_500]] as const
const WARM_UP = 10_000

/** A client that is set up by a function before its calls are measured. */
async function observed({ origins }: Context, observe: (client: Client) => unknown): Promise<Round> {
  const client = await clientFor(origins)
  await observe(client)
  const other = await clientFor(origins, { timeout: false })
  await stayBusy((path) => other(path))
  return atEach(LEVELS, WARM_UP, async () => (await client(PATH)).json())
}

/** A complete SDK that samples everything, and discards its spans in batches. */
async function startSdk(): Promise<void> {
  const { metrics } = await import('@opentelemetry/api')
  const { MeterProvider, MetricReader } = await import('@opentelemetry/sdk-metrics')
  const { BatchSpanProcessor } = await import('@opentelemetry/sdk-trace-base')
  const { NodeTracerProvider } = await import('@opentelemetry/sdk-trace-node')
  class Reader extends MetricReader {
    protected async onForceFlush(): Promise<void> {}
    protected async onShutdown(): Promise<void> {}
  }
  const exporter = {
    export: (_spans: unknown, done: (result: { code: number }) => void) => done({ code: 0 }),
    shutdown: () => Promise.resolve(),
  }
  new NodeTracerProvider({ spanProcessors: [new BatchSpanProcessor(exporter)] }).register()
  metrics.setGlobalMeterProvider(new MeterProvider({ readers: [new Reader()] }))
}

const compared = (subject: string, base: string, target?: number): Comparison => ({
  name: `${subject}, to ${base}`,
  subject,
  base,
  measure: `cpu at ${CONCURRENCY}`,
  unit: 'µs',
  ...(target !== undefined && { target }),
})

/** The cost of observation: the client as fetch, without listeners and with each kind of listener. */
export const row: Row = {
  title: 'observed',
  servers: 4,
  generations: 4,
  rounds: SETTLING + 5,
  roundMs: 0,
  variants: {
    'no listener': (context) => observed(context, () => {}),
    'a listener to call': (context) => {
      let failed = 0
      return observed(context, (client) =>
        client.on('call', ({ outcome }) => void (outcome === 'success' || failed++)),
      )
    },
    'OTel metrics': (context) =>
      observed(context, async (client) => {
        await startSdk()
        const { otel } = await import('outrigger/otel')
        otel(client, { traces: false })
      }),
    'OTel metrics and traces': (context) =>
      observed(context, async (client) => {
        await startSdk()
        const { otel } = await import('outrigger/otel')
        otel(client)
      }),
    Prometheus: (context) =>
      observed(context, async (client) => {
        const { prometheus } = await import('outrigger/prometheus')
        prometheus(client)
      }),
    fetch: async ({ origins }) => {
      const next = naiveRoundRobin(origins)
      await stayBusy((path) => fetch(next() + path))
      return atEach(LEVELS, WARM_UP, async () => (await fetch(next() + PATH)).json())
    },
    'fetch under instrumentation-undici': async ({ origins }) => {
      await startSdk()
      const { UndiciInstrumentation } = await import('@opentelemetry/instrumentation-undici')
      new UndiciInstrumentation().enable()
      const next = naiveRoundRobin(origins)
      await stayBusy((path) => fetch(next() + path))
      return atEach(LEVELS, WARM_UP, async () => (await fetch(next() + PATH)).json())
    },
  },
  comparisons: [
    compared('no listener', 'fetch'),
    compared('a listener to call', 'no listener'),
    compared('OTel metrics', 'no listener', 1.05),
    compared('Prometheus', 'no listener', 1.05),
    compared('OTel metrics and traces', 'no listener'),
    compared('OTel metrics and traces', 'fetch under instrumentation-undici', 1),
    compared('fetch under instrumentation-undici', 'fetch'),
  ],
}
