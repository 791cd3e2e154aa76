import type { CallInit, FetchInput } from './call-input.ts'
import type { ContractAnswer, ContractArgs, Contracts } from './contract-types.ts'
import type {
  Method,
  OpenAPI,
  OpenApiAnswer,
  OpenApiArgs,
  OpenApiKey,
  OpenApiMisfit,
  OpenApiRoute,
} from './openapi.ts'
import type { Get } from './init.ts'
import type { TypedResponse } from './response.ts'

/** A string that looks like a route key must be one. So a misspelt key is a compile error, not an untyped fetch. */
type KeyLike = `${string} /${string}`

/** An incomplete key. For it an editor offers the keys of the schema. */
type Unfinished = '' | Method | `${Method} `

/** The call signature of a client with known routes: by route key, or like fetch. */
export interface TypedCall<Schema> {
  <Input extends FetchInput>(
    input: CheckedInput<Schema, Input>,
    ...init: CallArgs<Schema, Input>
  ): Promise<CallAnswer<Schema, Input>>
}

/** `Input` itself if it is valid, otherwise what it should be. TypeScript infers `Input` from its use here. */
type CheckedInput<Schema, Input> = string extends Input
  ? FetchInput | KeyOf<Schema>
  : Input extends KeyLike
    ? RouteOf<Schema, Input> extends undefined
      ? Misfit<Schema, Input>
      : Input
    : Input extends Unfinished
      ? KeyOf<Schema>
      : Input

type CallArgs<Schema, Input> = string extends Input
  ? [init?: CallInit]
  : Input extends KeyLike
    ? ArgsOf<Schema, Input, RouteOf<Schema, Input>>
    : [init?: CallInit]

type CallAnswer<Schema, Input> = string extends Input
  ? TypedResponse
  : Input extends KeyLike
    ? AnswerOf<Schema, RouteOf<Schema, Input>>
    : TypedResponse

/** What the schema declares for a key: an operation, a rule, or undefined. */
type RouteOf<Schema, Key> =
  Schema extends OpenAPI<infer Paths>
    ? OpenApiRoute<Paths, Key>
    : Schema extends Contracts<infer Routes>
      ? Get<Routes, Key & string>
      : undefined

type KeyOf<Schema> =
  Schema extends OpenAPI<infer Paths>
    ? OpenApiKey<Paths>
    : Schema extends Contracts<infer Routes>
      ? keyof Routes & KeyLike
      : never

type Misfit<Schema, Key> = Key extends `${Method} /`
  ? KeyOf<Schema>
  : Schema extends OpenAPI<infer Paths>
    ? OpenApiMisfit<Paths, Key>
    : KeyOf<Schema>

// The key is invalid, so its rule is not checked.
type ArgsOf<Schema, Key, Route> = Route extends undefined
  ? [init?: CallInit]
  : Schema extends OpenAPI<object>
    ? OpenApiArgs<Route>
    : ContractArgs<Route, Key>

type AnswerOf<Schema, Route> = Route extends undefined
  ? TypedResponse
  : Schema extends OpenAPI<object>
    ? OpenApiAnswer<Route>
    : ContractAnswer<Route>
