import { socketPath } from '../registry/origin.ts'

/** Where the checks of an instance go: an origin, or the path of a unix socket. */
export interface CheckTarget {
  readonly origin: string
  readonly socketPath: string | undefined
}

/** The instance's own host, which `allow` has let in, under `port` if there is one. */
export function targetOf(url: string, port: number | undefined): CheckTarget {
  const path = socketPath(url)
  if (path !== undefined) return { origin: 'http://localhost', socketPath: path }
  if (port === undefined) return { origin: url, socketPath: undefined }
  const moved = new URL(url)
  moved.port = String(port)
  return { origin: moved.origin, socketPath: undefined }
}
