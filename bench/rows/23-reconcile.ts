import { roundRobin } from 'outrigger'
import { makeFleet, SnapshotReader } from '../harness/internals.ts'
import type { Row } from '../harness/row.ts'

const COUNT = 10_000
const CHURN = COUNT / 100
const GROUPS = 8

/** Sixteen snapshots in a ring. In each, one per cent of the instances was replaced since the one before. */
function ring(): string[] {
  const generation = Array.from({ length: GROUPS }, () => 0)
  return Array.from({ length: 2 * GROUPS }, (_, step) => {
    const group = step % GROUPS
    generation[group] = 1 - (generation[group] ?? 0)
    return JSON.stringify(
      Array.from({ length: COUNT }, (__, index) => {
        const age = generation[Math.floor(index / CHURN)] ?? 0
        return {
          id: `user-service-${index}-${age}`,
          url: `http://10.${age}.${index >> 8}.${index & 255}:8080`,
          weight: 1,
          zone: index % 2 ? 'eu-1a' : 'eu-1b',
          metadata: { version: '1.2.3' },
        }
      }),
    )
  })
}

export const row: Row = {
  title: 'reconcile 10 000 instances, 1 % replaced',
  roundMs: 100,
  variants: {
    outrigger: () => {
      const parsed: unknown[] = ring().map((text) => JSON.parse(text) as unknown)
      const fleet = makeFleet(roundRobin())
      const reader = new SnapshotReader()
      let step = 0
      return (ops) => {
        for (let op = 0; op < ops; op++) fleet.apply(reader.read(parsed[step++ % parsed.length]).instances)
      }
    },
    'JSON.parse': () => {
      const texts = ring()
      let step = 0
      return (ops) => {
        for (let op = 0; op < ops; op++) JSON.parse(texts[step++ % texts.length] ?? '')
      }
    },
  },
  comparisons: [
    {
      name: 'to JSON.parse of the same',
      subject: 'outrigger',
      base: 'JSON.parse',
      measure: 'cpu',
      unit: 'µs',
      target: 0.5,
    },
  ],
}
