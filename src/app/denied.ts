import { dispatchByPlatform, type FetchDispatcher } from '../attempt/platform.ts'
import { OutriggerError } from '../errors.ts'

/** The error for a host that is not a service. */
export function denied(origin: string): OutriggerError {
  return new OutriggerError(
    'ERR_OUTRIGGER_DENIED',
    `${origin} is not a service of this fetch, and unknown hosts are denied`,
  )
}

export function denying(origin: string): FetchDispatcher {
  return {
    dispatch: () => {
      throw denied(origin)
    },
  }
}

/** The dispatcher of the platform. */
export const OUTSIDE: FetchDispatcher = { dispatch: dispatchByPlatform }
