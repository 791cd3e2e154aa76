import type { Balancer, Endpoint, PickRequest } from './balancer.ts'
import { perSet } from './per-set.ts'
import { factories } from './factories.ts'
import { markOurs } from './own.ts'

interface Turn {
  readonly endpoint: Endpoint
  /** The round of the endpoint's last pick. */
  round: number
}

interface Ring {
  readonly turns: readonly Turn[]
  cursor: number
  round: number
  /** How many turns the cursor has yet to pass in this round. */
  left: number
}

/**
 * Each endpoint once per round, in order, starting at a random one.
 *
 * Rounds are counted per balancer, not per set: whatever joins, leaves or belongs to one route only, two
 * endpoints that were there throughout are never more than one pick apart.
 *
 * @example
 * createClient({ service: 'users', source, balance: roundRobin() })
 */
export function roundRobin(): Balancer {
  const turnOf = new WeakMap<Endpoint, Turn>()
  let round = 0
  let current: Ring | undefined

  const ringOf = perSet((endpoints, request): Ring => {
    const turns = endpoints.map((endpoint) => {
      let turn = turnOf.get(endpoint)
      if (!turn) turnOf.set(endpoint, (turn = { endpoint, round: -1 }))
      return turn
    })
    // A thousand clients that start together must not all start at the first endpoint.
    const cursor = current ? resume(current, turns) : Math.floor(request.random() * turns.length)
    return { turns, cursor, round, left: turns.length }
  })

  return markOurs({
    pick(endpoints, request) {
      if (endpoints.length === 0) return undefined
      const ring = ringOf(endpoints, request)
      current = ring
      if (ring.round !== round) {
        ring.round = round
        ring.left = ring.turns.length
      }
      let { cursor, left } = ring
      while (left === 0 || (ring.turns[cursor]?.round ?? 0) >= round) {
        if (left > 0) {
          cursor = after(ring, cursor)
          left--
        } else {
          // Nobody is left in this round: the next one starts where the last pick was made.
          ring.round = ++round
          cursor = ring.cursor
          left = ring.turns.length
        }
      }
      const turn = ring.turns[cursor]
      if (!turn) return undefined
      if (request.excluded(turn.endpoint)) {
        const other = borrow(ring, cursor, request)
        if (other) {
          // That was its turn, in the next round if it had one; who was passed over keeps the one in this round.
          other.round = other.round < round ? round : round + 1
          return other.endpoint
        }
      }
      turn.round = round
      ring.cursor = after(ring, cursor)
      ring.left = left - 1
      return turn.endpoint
    },
  })
}

function after({ turns }: Ring, index: number): number {
  return index + 1 === turns.length ? 0 : index + 1
}

/** The next turn of an endpoint the call has not tried. */
function borrow({ turns }: Ring, cursor: number, request: PickRequest): Turn | undefined {
  for (let ahead = 1; ahead < turns.length; ahead++) {
    const turn = turns[(cursor + ahead) % turns.length]
    if (turn && !request.excluded(turn.endpoint)) return turn
  }
  return undefined
}

/** Where the first endpoint that was next in the old ring, and still is there, stands in the new one. */
function resume({ turns, cursor }: Ring, next: readonly Turn[]): number {
  const staying = new Set(next)
  for (let ahead = 0; ahead < turns.length; ahead++) {
    const turn = turns[(cursor + ahead) % turns.length]
    if (turn && staying.has(turn)) return next.indexOf(turn)
  }
  return 0
}

factories.add(roundRobin)
