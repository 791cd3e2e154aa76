import { ContractError } from './error.ts'
import { readIssues } from './issues.ts'
import type { StandardSchema } from './standard-schema.ts'

/**
 * What happens if a call breaks its contract. `'error'` rejects the call. `'warn'` accepts it with a process warning,
 * once for each route and field. `'off'` validates nothing.
 */
export type ValidateMode = 'off' | 'warn' | 'error'

/** A status, all statuses of a hundred, or all statuses that are not declared otherwise. */
export type StatusKey = number | '2XX' | '3XX' | '4XX' | '5XX' | 'default'

/**
 * The contract of a route: schemas of its request and responses, in any Standard Schema (zod, valibot, arktype). It
 * applies to calls by route key.
 */
export interface RouteContract {
  /** The schema of the values for the `{name}` segments. @default any scalar for each */
  params?: StandardSchema
  query?: StandardSchema
  /** The schema of the `json` that is sent. */
  body?: StandardSchema
  /** The schemas of what `json()` returns, by status. `null` declares a response without a body. */
  responses?: { readonly [Status in StatusKey]?: StandardSchema | null }
}

/** What contracts do. */
export interface ContractPolicy {
  /** @default 'error' */
  validate?: ValidateMode
  /**
   * True if a response that breaks its contract counts as a failure of its instance, when `json()` detects it. @default
   * false
   */
  contractFailure?: boolean
}

/** The parts of a call that a contract validates. */
export interface RequestParts {
  readonly params?: unknown
  readonly query?: unknown
  readonly json?: unknown
}

/** The limit of remembered warnings. A field whose name differs in each call must not use ever more memory. */
const MAX_WARNED = 100

/** Validates the calls of one route. */
export class Contract {
  /** True if a breach counts as a failure of the instance. */
  readonly blames: boolean
  readonly #route: string
  readonly #schemas: RouteContract
  readonly #mode: ValidateMode
  readonly #warned = new Set<string>()

  constructor(
    route: string,
    schemas: RouteContract,
    { validate, contractFailure }: Required<ContractPolicy>,
  ) {
    this.#route = route
    this.#schemas = schemas
    this.#mode = validate
    this.blames = contractFailure
  }

  /** Validates the parts of a request. Returns the parts to send, as the schemas return them. */
  async request({ params, query, json }: RequestParts): Promise<RequestParts> {
    const { params: paramsSchema, query: querySchema, body } = this.#schemas
    return {
      params: paramsSchema ? await this.#check('params', paramsSchema, params ?? {}) : params,
      query: querySchema ? await this.#check('query', querySchema, query ?? {}) : query,
      json: body ? await this.#check('body', body, json) : json,
    }
  }

  /**
   * Changes the response, and its clones, so that `json()` validates. Calls `onBreach` if the response breaks the
   * contract.
   */
  watch(response: Response, onBreach: () => void): Response {
    if (!this.#schemas.responses) return response
    const { json, clone, status } = response
    const own = {
      json: () => this.#read(status, () => json.call(response), onBreach),
      clone: () => this.watch(clone.call(response), onBreach),
    }
    for (const [name, value] of Object.entries(own)) {
      Object.defineProperty(response, name, { value, configurable: true, writable: true })
    }
    return response
  }

  async #read(status: number, json: () => Promise<unknown>, onBreach: () => void): Promise<unknown> {
    const schema = this.#responseSchema(status)
    const breach = (reason: string, options?: ErrorOptions): void => {
      onBreach()
      this.#refuse(new ContractError(this.#route, [{ path: 'response', reason }], { status, ...options }))
    }
    let value: unknown
    try {
      value = await json()
    } catch (error) {
      if (schema && error instanceof SyntaxError) breach('is not JSON', { cause: error })
      if (schema === undefined) breach(`the status ${status} is not declared`, { cause: error })
      throw error
    }
    // After reading: an unread body would hold its connection.
    if (schema === undefined) breach(`the status ${status} is not declared`)
    return schema ? this.#check('response', schema, value, { status, onBreach }) : value
  }

  #responseSchema(status: number): StandardSchema | null | undefined {
    const { responses = {} } = this.#schemas
    const exact = responses[status]
    if (exact !== undefined) return exact
    const range = responses[`${Math.trunc(status / 100)}XX` as StatusKey]
    return range === undefined ? responses.default : range
  }

  async #check(
    root: string,
    schema: StandardSchema,
    value: unknown,
    answer?: { readonly status: number; readonly onBreach: () => void },
  ): Promise<unknown> {
    const result = await schema['~standard'].validate(value)
    if (!result.issues) return result.value
    const { issues, more } = readIssues(root, result.issues)
    answer?.onBreach()
    this.#refuse(new ContractError(this.#route, issues, { more, ...(answer && { status: answer.status }) }))
    return value
  }

  #refuse(error: ContractError): void {
    if (this.#mode === 'error') throw error
    // All items of an array count as one field.
    const field = error.path.replaceAll(/\[\d+\]/g, '[]')
    if (this.#warned.has(field) || this.#warned.size >= MAX_WARNED) return
    this.#warned.add(field)
    process.emitWarning(error)
  }
}
