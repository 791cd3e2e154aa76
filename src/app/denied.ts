import { dispatchOutside, type FetchDispatcher } from '../attempt/platform.ts'
import { OutriggerError } from '../errors.ts'

/** Refuses a host that nobody asked for. */
export function denied(origin: string): OutriggerError {
  return new OutriggerError(
    'ERR_OUTRIGGER_DENIED',
    `${origin} is none of this fetch's services, and unknown hosts are denied`,
  )
}

export function denying(origin: string): FetchDispatcher {
  return {
    dispatch: () => {
      throw denied(origin)
    },
  }
}

/** The platform's own way. */
export const OUTSIDE: FetchDispatcher = { dispatch: dispatchOutside }
