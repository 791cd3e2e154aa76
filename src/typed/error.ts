import { OutriggerError } from '../errors.ts'

/** One violation of a contract. */
export interface ContractIssue {
  /** The field, such as `body.email` or `response.items[3].id`. */
  readonly path: string
  /** The message of the schema, shortened, because some schemas quote the value. */
  readonly reason: string
}

/**
 * A request was not sent, or a response was not returned, because it breaks the contract of its route. The message
 * names the field, and does not contain the value.
 */
export class ContractError extends OutriggerError {
  readonly route: string
  /** The field of the first issue. */
  readonly path: string
  /** The first ten issues. */
  readonly issues: readonly ContractIssue[]
  /** The HTTP status of the response. Undefined if the request breaks the contract. */
  readonly status: number | undefined

  constructor(
    route: string,
    issues: readonly [ContractIssue, ...ContractIssue[]],
    options?: ErrorOptions & { status?: number; more?: number },
  ) {
    const [{ path, reason }] = issues
    const more = issues.length - 1 + (options?.more ?? 0)
    const rest = more > 0 ? ` (and ${more} more)` : ''
    super('ERR_OUTRIGGER_CONTRACT', `${route}: ${path}: ${reason}${rest}`, options)
    this.route = route
    this.path = path
    this.issues = issues
    this.status = options?.status
  }

  static {
    this.prototype.name = 'ContractError'
  }
}
