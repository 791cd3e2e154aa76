import type { SimulatedServer } from '../../../src/testing/servers.ts'
import { delaying, many, normal } from '../models.ts'
import type { Variant } from '../scenario.ts'
import { eachAlone, omniscient, alone } from '../strategies.ts'
import { peakEwma } from '../../../src/balance/peak-ewma.ts'

/** Round trips recorded by Finagle's authors have this mean and deviation. */
export function usual(random: () => number): number {
  return normal(random, 169.6, 5.4)
}

/** Ten normal servers and one that differs. */
export function withOddOne(odd: SimulatedServer): readonly SimulatedServer[] {
  return [...many(10, (index) => delaying(`usual-${index}`, (_now, random) => usual(random))), odd]
}

/** The published results are for strategies alone. Hedging is an addition of this scenario. */
export function finagleVariants(
  published: Readonly<Record<string, Partial<Variant>>>,
  isSlow: (now: number) => boolean,
  hedgedReach: Variant['reach'],
): readonly Variant[] {
  return [
    ...eachAlone(published),
    {
      name: 'peak EWMA, hedged',
      client: () => ({ ...alone(peakEwma()), hedge: {} }),
      ...(hedgedReach && { reach: hedgedReach }),
      chart: true,
    },
    {
      name: 'omniscient',
      client: (context) => omniscient(context, (id, now) => (id === 'odd' && isSlow(now) ? Infinity : 1)),
    },
  ]
}

export function withinASecond({ status, ms }: { status: number | undefined; ms: number }): boolean {
  return status === 200 && ms < 1000
}
