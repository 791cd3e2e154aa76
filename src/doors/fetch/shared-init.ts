import type { CallInit } from '../../typed/call-input.ts'

/** The properties, besides method, URL and headers, that can change the response, with fetch's defaults. */
const FETCH_DEFAULTS: Record<string, string> = {
  redirect: 'follow',
  credentials: 'same-origin',
  mode: 'cors',
  cache: 'default',
  integrity: '',
  referrer: 'about:client',
  referrerPolicy: '',
}

/** Returns a text that differs if two calls with the same method, URL and headers ask for different responses. */
export function variantOf(init: CallInit | undefined, request: Request | undefined): string {
  const of = (source: object | undefined, name: string): unknown => source && Reflect.get(source, name)
  return JSON.stringify(
    Object.entries(FETCH_DEFAULTS).map(
      ([name, fallbackValue]) => of(init, name) ?? of(request, name) ?? fallbackValue,
    ),
  )
}

/** Returns the value of fetch's option `cache`, which says how fresh the response must be. */
export function cacheModeOf(init: CallInit | undefined, request: Request | undefined): string {
  return String((init && Reflect.get(init, 'cache')) ?? request?.cache ?? 'default')
}

/** Returns the init of a request that several callers share. It has their common signal, and no caller's deadline. */
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
  // fetch drops a Request's referrer if there is an init.
  const { referrer, referrerPolicy } = request
  const beside = { signal, referrer, referrerPolicy }
  return init ? new Request(request, beside) : beside
}
