import { OutriggerError } from '../errors.ts'

/** One thing that breaks a contract. */
export interface ContractIssue {
  /** The offending field: `body.email`, `response.items[3].id`. */
  readonly path: string
  /** What the schema says is wrong with it, cut short: some schemas quote the value. */
  readonly reason: string
}

/**
 * A request that was not sent, or an answer that was not handed out, because it breaks its route's contract.
 * It names the field and never holds the value.
 */
export class ContractError extends OutriggerError {
  readonly route: string
  /** Of the first issue. */
  readonly path: string
  /** The first ten. */
  readonly issues: readonly ContractIssue[]
  /** The answer's; undefined when it is the request that breaks the contract. */
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
