/**
 * The part of Standard Schema v1 that is used here (https://standardschema.dev). Libraries such as zod, valibot and
 * arktype implement it.
 */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>
    readonly types?: { readonly input: Input; readonly output: Output } | undefined
  }
}

export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] }

export interface SchemaIssue {
  readonly message: string
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
}

type Types<Schema> = Schema extends { readonly '~standard': { readonly types?: infer T } }
  ? NonNullable<T>
  : undefined

/** The type that a schema accepts. */
export type InputOf<Schema> = Types<Schema> extends { readonly input: infer Input } ? Input : unknown

/** The type that a schema returns. */
export type OutputOf<Schema> = Types<Schema> extends { readonly output: infer Output } ? Output : unknown
