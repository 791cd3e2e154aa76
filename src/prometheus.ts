export { prometheus, type PrometheusOptions } from './prometheus/prometheus.ts'
