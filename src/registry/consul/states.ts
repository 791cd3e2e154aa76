import type { RegistryHttp } from '../http/http.ts'
import { isPlainObject } from '../plain-data.ts'
import { blockingQueries, type WatchOptions } from './watch.ts'

/** The part of one entry of `/v1/health/state/any` that is read. */
interface Check {
  readonly Node?: unknown
  readonly CheckID?: unknown
  readonly ServiceName?: unknown
  readonly ServiceID?: unknown
  readonly Status?: unknown
  readonly ModifyIndex?: unknown
}

/**
 * Yields, for each service, a text of its checks. The text changes when one of the checks does. A service
 * without checks is read again each time a query ends without a change: then the texts of all services change.
 */
export async function* watchStates(
  http: RegistryHttp,
  options: WatchOptions,
  signal: AbortSignal,
): AsyncGenerator<ReadonlyMap<string, string>, void> {
  let round = 0
  let before = ''
  for await (const answer of blockingQueries(http, options, signal)) {
    if (!Array.isArray(answer)) throw new TypeError('consul: the answer is not a list of checks')
    const checks = (answer as unknown[]).filter((check): check is Check => isPlainObject(check))
    const all = JSON.stringify(checks.map(textOf))
    if (all === before) round++
    before = all
    yield byService(checks, round)
  }
}

function byService(checks: readonly Check[], round: number): ReadonlyMap<string, string> {
  // The checks of a node count for each of its services.
  const nodes = checks.filter(({ ServiceName }) => !ServiceName).map(textOf)
  const common = `${round} ${nodes.join('\n')}`
  const texts = new Map<string, string>()
  for (const check of checks) {
    if (typeof check.ServiceName !== 'string' || check.ServiceName === '') continue
    texts.set(check.ServiceName, `${texts.get(check.ServiceName) ?? common}\n${textOf(check)}`)
  }
  return new Texts(common, texts)
}

/** A service without a check has the text that all services share. */
class Texts extends Map<string, string> {
  readonly #common: string

  constructor(common: string, texts: ReadonlyMap<string, string>) {
    super(texts)
    this.#common = common
  }

  override get(service: string): string {
    return super.get(service) ?? this.#common
  }
}

function textOf({ Node, CheckID, ServiceID, Status, ModifyIndex }: Check): string {
  return [Node, CheckID, ServiceID, Status, ModifyIndex].map(String).join(' ')
}
