import type { Balancer, Endpoint, PickRequest } from './balancer.ts'
import { perSet } from './per-set.ts'
import { factories } from './factories.ts'
import { markBuiltIn } from './own.ts'

interface Turn {
  readonly endpoint: Endpoint
  /** The round in which the endpoint was picked last. */
  round: number
}

interface Ring {
  readonly turns: readonly Turn[]
  cursor: number
  round: number
  /** The number of turns that the cursor still has to examine in this round. */
  left: number
}

/**
 * Picks each endpoint once per round, in order. The first one is random.
 *
 * All sets of one balancer count the same rounds. So endpoints may join or leave, and routes may use different sets:
 * the numbers of picks of two endpoints that are in every set never differ by more than one.
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
    // The start is random. Otherwise many clients that start together would all begin with the first endpoint.
    const cursor = current ? resume(current, turns) : Math.floor(request.random() * turns.length)
    return { turns, cursor, round, left: turns.length }
  })

  return markBuiltIn({
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
          // Every endpoint of the ring has had its turn in this round. The next round begins at the last position.
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
          // The other endpoint gives up its turn in this round, or in the next one if it has had this one. The excluded
          // endpoint keeps its turn in this round.
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

/** Returns the next endpoint in the ring that the call has not tried. */
function borrow({ turns }: Ring, cursor: number, request: PickRequest): Turn | undefined {
  for (let ahead = 1; ahead < turns.length; ahead++) {
    const turn = turns[(cursor + ahead) % turns.length]
    if (turn && !request.excluded(turn.endpoint)) return turn
  }
  return undefined
}

/** Returns the position in the new ring of the next endpoint of the old ring that is still there. */
function resume({ turns, cursor }: Ring, next: readonly Turn[]): number {
  const staying = new Set(next)
  for (let ahead = 0; ahead < turns.length; ahead++) {
    const turn = turns[(cursor + ahead) % turns.length]
    if (turn && staying.has(turn)) return next.indexOf(turn)
  }
  return 0
}

factories.add(roundRobin)
