import type { CallInit } from './call-input.ts'
import type { Get, InitArgs, Part } from './init.ts'
import type { Answers } from './response.ts'

declare const openapi: unique symbol

/**
 * Routes as openapi-typescript 7 generates them: types only, nothing of it exists at run time.
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

/** Looked up when a key is called, so that a schema costs what is used of it. Undefined: no such route. */
export type OpenApiRoute<Paths, Key> = Key extends `${infer M extends Method} ${infer Path}`
  ? Get<Get<Paths, Path>, Methods[M]>
  : undefined

/** Every key of a schema. Only completion asks for it. */
export type OpenApiKey<Paths> = { [Path in keyof Paths & string]: KeyOfPath<Paths[Path], Path> }[keyof Paths &
  string]

type KeyOfPath<Item, Path extends string> = {
  [M in Method]: Get<Item, Methods[M]> extends undefined ? never : `${M} ${Path}`
}[Method]

/** What a wrong key is not assignable to, so that the compiler's message says what is wrong. */
export type OpenApiMisfit<Paths, Key> = Key extends `${string} ${infer Path}`
  ? Path extends keyof Paths & string
    ? // Not by name: the compiler would print the name.
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

/** Those of the schema, and any other. */
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

/** As `json` what the schema knows as JSON; anything else as the platform's own body. */
type ContentPart<Content> =
  | (JsonKey<keyof Content> extends never ? never : { readonly json: JsonOf<Content>; readonly body?: never })
  | (Exclude<keyof Content, JsonKey<keyof Content>> extends never
      ? never
      : { readonly body: NonNullable<CallInit['body']>; readonly json?: never })

type JsonKey<Type> = Type extends 'application/json' | `${string}json${string}` | '*/*' ? Type : never

/** A body without content has no JSON; one of another type nobody can say. */
type JsonOf<Content> = [Content] extends [undefined]
  ? never
  : 'application/json' extends keyof Content
    ? Content['application/json' & keyof Content]
    : JsonKey<keyof Content> extends never
      ? unknown
      : Content[JsonKey<keyof Content>]
