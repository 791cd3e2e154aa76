import { socketPath } from '../registry/origin.ts'

/** The target of the checks of an instance: an origin, or the path of a unix socket. */
export interface CheckTarget {
  readonly origin: string
  readonly socketPath: string | undefined
}

/** Uses the host of the instance, which `allow` has permitted, with `port` if it is set. */
export function targetOf(url: string, port: number | undefined): CheckTarget {
  const path = socketPath(url)
  if (path !== undefined) return { origin: 'http://localhost', socketPath: path }
  if (port === undefined) return { origin: url, socketPath: undefined }
  const moved = new URL(url)
  moved.port = String(port)
  return { origin: moved.origin, socketPath: undefined }
}
