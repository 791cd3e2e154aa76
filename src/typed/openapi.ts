import type { CallInit } from './call-input.ts'
import type { Get, InitArgs, Part } from './init.ts'
import type { Answers } from './response.ts'

declare const openapi: unique symbol

/**
 * Routes with the types that openapi-typescript 7 generates. It exists only as a type, not at run time.
 *
 * @example
 * import type { paths } from './user-service.ts'
 * const users = createClient<OpenAPI<paths>>({ service: 'user-service', source })
 */
export interface OpenAPI<Paths extends object> {
  readonly [openapi]: Paths
}

interface Methods {
  GET: 'get'
  PUT: 'put'
  POST: 'post'
  DELETE: 'delete'
  OPTIONS: 'options'
  HEAD: 'head'
  PATCH: 'patch'
  TRACE: 'trace'
}

export type Method = keyof Methods

/**
 * The operation of a key; undefined if there is none. It is computed only for keys that are used, so a large schema
 * compiles fast.
 */
export type OpenApiRoute<Paths, Key> = Key extends `${infer M extends Method} ${infer Path}`
  ? Get<Get<Paths, Path>, Methods[M]>
  : undefined

/** All keys of a schema. Only completion in editors needs it. */
export type OpenApiKey<Paths> = { [Path in keyof Paths & string]: KeyOfPath<Paths[Path], Path> }[keyof Paths &
  string]

type KeyOfPath<Item, Path extends string> = {
  [M in Method]: Get<Item, Methods[M]> extends undefined ? never : `${M} ${Path}`
}[Method]

/** The type that a wrong key is not assignable to. It makes the compiler's message say what is wrong. */
export type OpenApiMisfit<Paths, Key> = Key extends `${string} ${infer Path}`
  ? Path extends keyof Paths & string
    ? // This repeats KeyOfPath: with the alias, the compiler would print its name instead of the keys.
      {
        [M in Method]: Get<Paths[Path], Methods[M]> extends undefined ? never : `${M} ${Path}`
      }[Method]
    : `the schema has no path ${Path}`
  : never

export type OpenApiArgs<Op, Parameters = Get<Op, 'parameters'>> = InitArgs<
  Part<'params', Get<Parameters, 'path'>> &
    Part<'query', Get<Parameters, 'query'>> &
    HeaderPart<Get<Parameters, 'header'>> &
    BodyPart<Get<Op, 'requestBody'>>
>

export type OpenApiAnswer<Op> = AnswerOf<Get<Op, 'responses'>>

type AnswerOf<Responses> = Answers<{ [Status in keyof Responses]: JsonOf<Get<Responses[Status], 'content'>> }>

type HeaderValue = string | number | boolean

/** The headers of the schema, and any others. */
type HeaderPart<Headers> = [Headers] extends [undefined]
  ? Pick<CallInit, 'headers'>
  : undefined extends Headers
    ? { readonly headers?: NonNullable<CallInit['headers']> | Exclude<Headers, undefined> }
    : { readonly headers: Headers & Readonly<Record<string, HeaderValue>> }

type BodyPart<Body> = [Body] extends [undefined]
  ? NoBody
  : undefined extends Body
    ? Partial<ContentPart<Get<Exclude<Body, undefined>, 'content'>>>
    : ContentPart<Get<Body, 'content'>>

interface NoBody {
  readonly json?: never
  readonly body?: never
}

/** `json` for the content types that are JSON, and `body` for all others. */
type ContentPart<Content> =
  | (JsonKey<keyof Content> extends never ? never : { readonly json: JsonOf<Content>; readonly body?: never })
  | (Exclude<keyof Content, JsonKey<keyof Content>> extends never
      ? never
      : { readonly body: NonNullable<CallInit['body']>; readonly json?: never })

type JsonKey<Type> = Type extends 'application/json' | `${string}json${string}` | '*/*' ? Type : never

/** A response without content has no JSON. If its content has another type, the JSON type is unknown. */
type JsonOf<Content> = [Content] extends [undefined]
  ? never
  : 'application/json' extends keyof Content
    ? Content['application/json' & keyof Content]
    : JsonKey<keyof Content> extends never
      ? unknown
      : Content[JsonKey<keyof Content>]
