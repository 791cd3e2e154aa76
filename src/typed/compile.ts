import { checkBoolean, checkRecord, quote } from '../options.ts'
import { Contract, type ContractPolicy, type RouteContract } from './contract.ts'
import type { StandardSchema } from './standard-schema.ts'

const MODES: readonly unknown[] = ['off', 'warn', 'error']
const STATUS = /^(?:[1-5]\d\d|[2-5]XX|default)$/

/** The options of a route that belong to its contract. */
export const CONTRACT_RULE: readonly (keyof RouteContract | keyof ContractPolicy)[] = [
  'params',
  'query',
  'body',
  'responses',
  'validate',
  'contractFailure',
]

/** Returns the policy in `options`, with defaults from `base`. `prefix` precedes the option names in errors. */
export function contractPolicy(
  { validate, contractFailure }: ContractPolicy,
  base: Required<ContractPolicy>,
  prefix: string,
): Required<ContractPolicy> {
  if (validate !== undefined && !MODES.includes(validate)) {
    throw new TypeError(`${prefix}validate must be 'off', 'warn' or 'error', got ${quote(validate)}`)
  }
  if (contractFailure !== undefined) checkBoolean(`${prefix}contractFailure`, contractFailure)
  return {
    validate: validate ?? base.validate,
    contractFailure: contractFailure ?? base.contractFailure,
  }
}

export const NO_POLICY: Required<ContractPolicy> = { validate: 'error', contractFailure: false }

/** Returns the contract of a route. Undefined if it has none, or `validate` is 'off'. */
export function compileContract(
  route: string,
  { params, query, body, responses }: RouteContract,
  policy: Required<ContractPolicy>,
  prefix: string,
): Contract | undefined {
  for (const [name, schema] of Object.entries({ params, query, body })) checkSchema(prefix + name, schema)
  if (responses !== undefined) {
    checkRecord(`${prefix}responses`, responses)
    for (const [status, schema] of Object.entries(responses)) {
      if (!STATUS.test(status)) {
        throw new TypeError(`${prefix}responses has the key ${quote(status)}; known: 200, '2XX', 'default'`)
      }
      if (schema !== null) checkSchema(`${prefix}responses[${quote(status)}]`, schema)
    }
  }
  if (policy.validate === 'off' || !(params ?? query ?? body ?? responses)) return undefined
  return new Contract(
    route,
    {
      ...(params && { params }),
      ...(query && { query }),
      ...(body && { body }),
      ...(responses && { responses: { ...responses } }),
    },
    policy,
  )
}

function checkSchema(name: string, schema: unknown): void {
  if (schema === undefined) return
  const standard = (schema as StandardSchema | null)?.['~standard']
  if (standard?.version !== 1 || typeof standard.validate !== 'function') {
    throw new TypeError(`${name} must be a Standard Schema (zod, valibot, arktype), got ${quote(schema)}`)
  }
}
