import type { IncomingMessage } from 'node:http'
import { startTimer, type Clock } from '../clock.ts'
import { checkBoolean, checkObject, quote } from '../options.ts'
import type { DashboardActions } from './options.ts'
import { subjectsOf, type ShownApp, type ShownClient } from './subjects.ts'

/** Bytes of a request: an instance is named in full, and a registry may give it a long name. */
const MOST = 64 * 1024
/** Bytes after which the connection is closed. */
const MOST_READ = 1024 * 1024
/** Milliseconds for the user's function. */
const PATIENCE = 5_000

export interface Answer {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>
}

interface Wish {
  readonly service: string
  readonly action: 'isolate' | 'restore' | 'drain' | 'weigh' | 'dryRun'
  readonly id?: string
  readonly weight?: number
  readonly for?: number
  readonly reason?: string
  readonly force?: boolean
  readonly on?: boolean
}

/**
 * Another site's page may send a request with the user's cookies, but not with this header: that needs a permission which
 * nobody gives (CORS).
 */
export function isSameOrigin({ headers }: IncomingMessage): boolean {
  const site = headers['sec-fetch-site']
  if (headers['x-outrigger-dashboard'] !== '1') return false
  // Browsers leave it out over plain HTTP, except to this machine.
  if (site !== undefined) return site === 'same-origin'
  return headers.origin === undefined || URL.parse(headers.origin)?.host === headers.host
}

/** True, or the name of who it is; undefined for a no. */
export async function authorized(
  authorize: DashboardActions['authorize'] | undefined,
  request: IncomingMessage,
  clock: Clock,
): Promise<true | string | undefined> {
  if (!authorize) return undefined
  const late = Promise.withResolvers<undefined>()
  const cancel = startTimer(clock, PATIENCE, () => late.resolve(undefined))
  try {
    const said = await Promise.race([Promise.resolve(authorize(request)), late.promise])
    return said === true || (typeof said === 'string' && said !== '') ? said : undefined
  } catch {
    return undefined
  } finally {
    cancel()
  }
}

/** Does what a page asks for. What is wrong with it is an answer, and nothing has changed. */
export async function act(
  list: readonly (ShownClient | ShownApp)[],
  request: IncomingMessage,
  who: true | string,
): Promise<Answer> {
  try {
    const wish = (await wishOf(request)) as Wish
    checkObject('action', wish, ['service', 'action', 'id', 'weight', 'for', 'reason', 'force', 'on'])
    const subject = subjectsOf(list).get(wish.service)
    if (!subject) throw new RangeError(`there is no service ${quote(wish.service)}`)
    run(subject.client, wish, who)
    return { status: 200, body: { done: true } }
  } catch (error) {
    return { status: 400, body: { error: error instanceof Error ? error.message : quote(error) } }
  }
}

function run(client: ShownClient, wish: Wish, who: true | string): void {
  const { action, id = '', weight = Number.NaN, force, on } = wish
  const by = who === true ? 'dashboard' : `dashboard: ${who}`
  const reason = wish.reason === undefined || wish.reason === '' ? by : `${wish.reason} (${by})`
  const how = { reason, ...(wish.for !== undefined && { for: wish.for }) }
  if (action === 'isolate') client.isolate(id, { ...how, ...(force !== undefined && { force }) })
  else if (action === 'drain') client.drain(id, how)
  else if (action === 'weigh') client.weigh(id, weight, how)
  else if (action === 'restore') client.restore(id)
  else if (action === 'dryRun') {
    checkBoolean('action.on', on)
    client.dryRun(on === true, { by })
  } else throw new TypeError(`action must be isolate, restore, drain, weigh or dryRun, got ${quote(action)}`)
}

/** Frameworks may have read the body already. */
async function wishOf(request: IncomingMessage & { body?: unknown }): Promise<unknown> {
  if (request.body !== undefined && request.body !== null) return request.body
  return JSON.parse(await textOf(request))
}

/** Reads to the end even what is too long, but keeps none of it: a request that is broken off gets no answer. */
function textOf(request: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = []
  let size = 0
  return new Promise((resolve, reject) => {
    request.on('data', (piece: Buffer) => {
      size += piece.length
      if (size <= MOST) pieces.push(piece)
      else if (size > MOST_READ) request.destroy()
    })
    request.once('end', () => {
      if (size > MOST) reject(new RangeError(`the request has more than ${MOST} bytes`))
      else resolve(Buffer.concat(pieces).toString('utf8'))
    })
    request.once('error', reject)
    request.once('close', () => reject(new Error('the request was broken off')))
    // Somebody has read it to its end, and left nothing in request.body.
    if (request.readableEnded || request.destroyed)
      reject(new TypeError('the body of the request has been read already'))
  })
}
