import { drive, naiveRoundRobin } from '../harness/drive.ts'
import { clientFor, PATH } from '../harness/http.ts'
import type { Row, Variant } from '../harness/row.ts'
import { load } from '../peers/load.ts'

const CONCURRENCY = 32

/**
 * What a user writes with several libraries: round robin over the hosts, opossum around the client of each, and
 * separate retries.
 */
function glued(makeGet: () => Promise<(url: string) => Promise<unknown>>): Variant {
  return async ({ origins }) => {
    const get = await makeGet()
    const { default: Opossum } = await load('opossum')
    const next = naiveRoundRobin(
      origins.map((origin) => {
        const breaker = new Opossum((path: string) => get(origin + path), { timeout: 30_000 })
        return (): Promise<unknown> => breaker.fire(PATH)
      }),
    )
    return (ops) => drive(CONCURRENCY, ops, () => next()())
  }
}

const peers = {
  got: async () => {
    const { default: got } = await load('got')
    const client = got.extend({ retry: { limit: 2 } })
    return (url: string) => client.get(url).json()
  },
  axios: async () => {
    const { default: axios } = await load('axios')
    const client = axios.create({})
    return (url: string) => client.get(url)
  },
  ky: async () => {
    const { default: ky } = await load('ky')
    const client = ky.create({ retry: 2 })
    return (url: string) => client.get(url).json()
  },
  ofetch: async () => {
    const { ofetch } = await load('ofetch')
    return ofetch.create({ retry: 2 })
  },
}

export const row: Row = {
  title: 'client(), to a client with opossum around it',
  servers: 4,
  roundMs: 120,
  rounds: 11,
  variants: {
    outrigger: async ({ origins }) => {
      const client = await clientFor(origins)
      return (ops) => drive(CONCURRENCY, ops, async () => (await client(PATH)).json())
    },
    ...Object.fromEntries(Object.entries(peers).map(([name, get]) => [name, glued(get)])),
  },
  comparisons: Object.keys(peers).map((name) => ({
    name,
    subject: 'outrigger',
    base: name,
    measure: 'rate',
    unit: 'req/s',
    target: 2.5,
    atLeast: true,
  })),
}
