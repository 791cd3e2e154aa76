import { context, metrics, propagation, trace, type Attributes } from '@opentelemetry/api'
import { MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics'
import {
  InMemorySpanExporter,
  SimpleSpanProcessor,
  type ReadableSpan,
  type SpanExporter,
} from '@opentelemetry/sdk-trace-base'
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node'

class PullReader extends MetricReader {
  protected async onForceFlush(): Promise<void> {}
  protected async onShutdown(): Promise<void> {}
}

export interface Point {
  readonly attributes: Attributes
  readonly value: unknown
}

/** A complete SDK, global as in an application, until it is disposed. */
export interface Telemetry extends AsyncDisposable {
  readonly tracerProvider: NodeTracerProvider
  readonly meterProvider: MeterProvider
  /** The spans that have ended, in the order of their end. */
  readonly spans: readonly ReadableSpan[]
  named(name: string): ReadableSpan[]
  /** Returns the data points of a metric. */
  points(metric: string): Promise<Point[]>
}

export function startTelemetry(exporter?: SpanExporter): Telemetry {
  const memory = new InMemorySpanExporter()
  const tracerProvider = new NodeTracerProvider({
    spanProcessors: [new SimpleSpanProcessor(exporter ?? memory)],
  })
  tracerProvider.register()
  const reader = new PullReader()
  const meterProvider = new MeterProvider({ readers: [reader] })
  metrics.setGlobalMeterProvider(meterProvider)
  return {
    tracerProvider,
    meterProvider,
    get spans() {
      return memory.getFinishedSpans()
    },
    named: (name) => memory.getFinishedSpans().filter((span) => span.name === name),
    points: async (metric) => {
      const { resourceMetrics } = await reader.collect()
      return resourceMetrics.scopeMetrics
        .flatMap((scope) => scope.metrics)
        .filter(({ descriptor }) => descriptor.name === metric)
        .flatMap(({ dataPoints }) => dataPoints as Point[])
    },
    async [Symbol.asyncDispose]() {
      trace.disable()
      context.disable()
      propagation.disable()
      metrics.disable()
      await tracerProvider.shutdown().catch(() => {})
      await meterProvider.shutdown()
    },
  }
}
