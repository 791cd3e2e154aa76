import { checkObject, quote } from '../options.ts'
import { fixed } from '../registry/fixed.ts'
import type { Source } from '../registry/source.ts'

export interface IdentityOptions {
  /** The protocol of the instances. Calls to `https://` need `'https'`. @default 'http' */
  protocol?: 'http' | 'https'
}

/**
 * A source in which every service has one instance: its own logical origin. Mocks that intercept connections
 * then see `http://user-service`, as in the application's code.
 *
 * @example
 * const server = setupServer(http.get('http://user-service/users/:id', () => HttpResponse.json({ id: 42 })))
 * const users = createClient({ service: 'user-service', source: identity() })
 */
export function identity(options: IdentityOptions = {}): Source {
  checkObject('identity()', options, ['protocol'])
  const { protocol = 'http' } = options
  if (protocol !== 'http' && protocol !== 'https') {
    throw new TypeError(`identity().protocol must be 'http' or 'https', got ${quote(protocol)}`)
  }
  return {
    emptyGrace: 0,
    watch: (service, context) =>
      fixed([{ id: service, url: `${protocol}://${service}` }]).watch(service, context),
  }
}
