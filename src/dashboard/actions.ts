import type { IncomingMessage } from 'node:http'
import { startTimer, type Clock } from '../clock.ts'
import { checkBoolean, checkObject, quote } from '../options.ts'
import type { DashboardActions } from './options.ts'
import { subjectsOf, type ShownApp, type ShownClient } from './subjects.ts'

/** The maximum size of a request, in bytes. It contains the complete id of an instance, which may be long. */
const MAX_SIZE = 64 * 1024
/** How many bytes are read before the connection is closed. */
const MAX_READ = 1024 * 1024
/** How long the user's authorize function may take, in ms. */
const AUTHORIZE_TIMEOUT = 5_000

export interface Answer {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>
}

interface Action {
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
 * Whether a request comes from the dashboard's page. A page of another site can send a request with the user's
 * cookies, but not with this header: the browser then asks for permission (CORS), which no response grants.
 */
export function isSameOrigin({ headers }: IncomingMessage): boolean {
  const site = headers['sec-fetch-site']
  if (headers['x-outrigger-dashboard'] !== '1') return false
  // Browsers omit Sec-Fetch-Site over plain HTTP, except for this machine.
  if (site !== undefined) return site === 'same-origin'
  return headers.origin === undefined || URL.parse(headers.origin)?.host === headers.host
}

/** Returns true or the name of the user, or undefined if the request is not authorized. */
export async function authorized(
  authorize: DashboardActions['authorize'] | undefined,
  request: IncomingMessage,
  clock: Clock,
): Promise<true | string | undefined> {
  if (!authorize) return undefined
  const late = Promise.withResolvers<undefined>()
  const cancel = startTimer(clock, AUTHORIZE_TIMEOUT, () => late.resolve(undefined))
  try {
    const answer = await Promise.race([Promise.resolve(authorize(request)), late.promise])
    return answer === true || (typeof answer === 'string' && answer !== '') ? answer : undefined
  } catch {
    return undefined
  } finally {
    cancel()
  }
}

/** Executes the action of a request. If the action is invalid, nothing changes and the answer contains the error. */
export async function act(
  list: readonly (ShownClient | ShownApp)[],
  request: IncomingMessage,
  who: true | string,
): Promise<Answer> {
  try {
    const wanted = (await actionOf(request)) as Action
    checkObject('action', wanted, ['service', 'action', 'id', 'weight', 'for', 'reason', 'force', 'on'])
    const subject = subjectsOf(list).get(wanted.service)
    if (!subject) throw new RangeError(`there is no service ${quote(wanted.service)}`)
    run(subject.client, wanted, who)
    return { status: 200, body: { done: true } }
  } catch (error) {
    return { status: 400, body: { error: error instanceof Error ? error.message : quote(error) } }
  }
}

function run(client: ShownClient, wanted: Action, who: true | string): void {
  const { action, id = '', weight = Number.NaN, force, on } = wanted
  const by = who === true ? 'dashboard' : `dashboard: ${who}`
  const reason = wanted.reason === undefined || wanted.reason === '' ? by : `${wanted.reason} (${by})`
  const how = { reason, ...(wanted.for !== undefined && { for: wanted.for }) }
  if (action === 'isolate') client.isolate(id, { ...how, ...(force !== undefined && { force }) })
  else if (action === 'drain') client.drain(id, how)
  else if (action === 'weigh') client.weigh(id, weight, how)
  else if (action === 'restore') client.restore(id)
  else if (action === 'dryRun') {
    checkBoolean('action.on', on)
    client.dryRun(on === true, { by })
  } else throw new TypeError(`action must be isolate, restore, drain, weigh or dryRun, got ${quote(action)}`)
}

/** A framework may have read the body already. */
async function actionOf(request: IncomingMessage & { body?: unknown }): Promise<unknown> {
  if (request.body !== undefined && request.body !== null) return request.body
  return JSON.parse(await textOf(request))
}

/**
 * Also reads a body that is too long to its end, without storing it: a client whose upload is cut off would not
 * read the answer.
 */
function textOf(request: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = []
  let size = 0
  return new Promise((resolve, reject) => {
    request.on('data', (piece: Buffer) => {
      size += piece.length
      if (size <= MAX_SIZE) pieces.push(piece)
      else if (size > MAX_READ) request.destroy()
    })
    request.once('end', () => {
      if (size > MAX_SIZE) reject(new RangeError(`the request has more than ${MAX_SIZE} bytes`))
      else resolve(Buffer.concat(pieces).toString('utf8'))
    })
    request.once('error', reject)
    request.once('close', () => reject(new Error('the request ended early')))
    // Another handler has read the body without setting request.body.
    if (request.readableEnded || request.destroyed)
      reject(new TypeError('the body of the request was already read, and request.body is not set'))
  })
}
