import type { CallInit } from '../../typed/call-input.ts'

/** What of a fetch changes its answer besides method, URL and headers, with fetch's own defaults. */
const FETCH_DEFAULTS: Record<string, string> = {
  redirect: 'follow',
  credentials: 'same-origin',
  mode: 'cors',
  cache: 'default',
  integrity: '',
  referrer: 'about:client',
  referrerPolicy: '',
}

/** Two fetches for the same may still ask for different answers. */
export function variantOf(init: CallInit | undefined, request: Request | undefined): string {
  const of = (source: object | undefined, name: string): unknown => source && Reflect.get(source, name)
  return JSON.stringify(
    Object.entries(FETCH_DEFAULTS).map(
      ([name, fallbackValue]) => of(init, name) ?? of(request, name) ?? fallbackValue,
    ),
  )
}

/** fetch's `cache`: how new the caller wants the answer to be. */
export function cacheModeOf(init: CallInit | undefined, request: Request | undefined): string {
  return String((init && Reflect.get(init, 'cache')) ?? request?.cache ?? 'default')
}

/** The init of a request that several share: under a signal of theirs, and without a deadline of anybody's. */
export function sharedInit(
  init: CallInit | undefined,
  request: Request | undefined,
  signal: AbortSignal,
): CallInit {
  if (init && init !== request) {
    const { deadline: _deadline, ...rest } = init
    return { ...rest, signal }
  }
  if (!request) return { signal }
  // fetch forgets a Request's referrer once there is an init beside it.
  const { referrer, referrerPolicy } = request
  const beside = { signal, referrer, referrerPolicy }
  return init ? new Request(request, beside) : beside
}
