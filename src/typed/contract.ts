import { ContractError } from './error.ts'
import { readIssues } from './issues.ts'
import type { StandardSchema } from './standard-schema.ts'

/** `'error'` refuses, `'warn'` lets pass with a process warning, once for each route and field, `'off'` looks away. */
export type ValidateMode = 'off' | 'warn' | 'error'

/** A status, all of a hundred, or every status that is not declared otherwise. */
export type StatusKey = number | '2XX' | '3XX' | '4XX' | '5XX' | 'default'

/** What a route takes and gives, in any Standard Schema (zod, valibot, arktype): for calls by its key. */
export interface RouteContract {
  /** Values for the `{name}` segments. @default any scalar for each */
  params?: StandardSchema
  query?: StandardSchema
  /** The `json` that is sent. */
  body?: StandardSchema
  /** What `json()` gives, by status; `null` for an answer without a body. */
  responses?: { readonly [Status in StatusKey]?: StandardSchema | null }
}

/** How seriously contracts are taken. */
export interface ContractPolicy {
  /** @default 'error' */
  validate?: ValidateMode
  /** Whether an answer that breaks its contract is a failure of its instance, once `json()` finds out. @default false */
  contractFailure?: boolean
}

/** The parts of a call that a contract is about. */
export interface RequestParts {
  readonly params?: unknown
  readonly query?: unknown
  readonly json?: unknown
}

/** So that a field with ever new names does not grow the memory of what was warned of. */
const MAX_WARNED = 100

/** One route's contract at work. */
export class Contract {
  /** Whether a breach is held against the instance. */
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

  /** What is to be sent: the parts as their schemas give them back. */
  async request({ params, query, json }: RequestParts): Promise<RequestParts> {
    const { params: paramsSchema, query: querySchema, body } = this.#schemas
    return {
      params: paramsSchema ? await this.#check('params', paramsSchema, params ?? {}) : params,
      query: querySchema ? await this.#check('query', querySchema, query ?? {}) : query,
      json: body ? await this.#check('body', body, json) : json,
    }
  }

  /** The same response, whose `json()` keeps the contract; calls `onBreach` when it cannot. */
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
    // Only now: a body left unread would hold its connection.
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
    // The items of an array are one field.
    const field = error.path.replaceAll(/\[\d+\]/g, '[]')
    if (this.#warned.has(field) || this.#warned.size >= MAX_WARNED) return
    this.#warned.add(field)
    process.emitWarning(error)
  }
}
