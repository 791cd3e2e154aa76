import type { CallInit } from './call-input.ts'
import type { Scalar } from '../routes/text.ts'
import type { InitArgs, Part } from './init.ts'
import type { RouteContract } from './contract.ts'
import type { Answers, TypedResponse } from './response.ts'
import type { InputOf, OutputOf } from './standard-schema.ts'

declare const contracts: unique symbol

/** The contracts of routes, as `createClient` infers them from its option `routes`. */
export interface Contracts<Routes> {
  readonly [contracts]: Routes
}

type AnyContract = {
  [Part in keyof RouteContract]-?: { readonly [P in Part]: NonNullable<RouteContract[P]> }
}[keyof RouteContract]

/** `true` if a route has a contract, otherwise `never`. */
export type HasContract<Routes> = string extends keyof Routes
  ? never
  : { [Key in keyof Routes]: Routes[Key] extends AnyContract ? true : never }[keyof Routes]

export type ContractArgs<Rule, Key> = InitArgs<
  ParamsPart<Rule, Key> & QueryPart<Rule> & JsonPart<Rule> & Pick<CallInit, 'headers'>
>

/** Without `responses`, the type of a route's body is unknown. */
export type ContractAnswer<Rule> = Rule extends { readonly responses: infer Responses }
  ? Answers<{ [Status in keyof Responses]: BodyOf<Responses[Status]> }>
  : TypedResponse

/** `null` declares a response without a body. */
type BodyOf<Schema> = Schema extends null ? never : OutputOf<Schema>

type ParamsPart<Rule, Key> = Rule extends { readonly params: infer Schema }
  ? { readonly params: InputOf<Schema> }
  : Part<'params', Key extends `${string}{${string}` ? Record<ParamName<Key>, Scalar> : WildcardParams<Key>>

type WildcardParams<Key> = Key extends `${string}/**` ? Record<'**', Scalar> : undefined

type ParamName<Key> = Key extends `${string}{${infer Name}}${infer Rest}`
  ? Name | ParamName<Rest>
  : Key extends `${string}/**`
    ? '**'
    : never

type QueryPart<Rule> = Rule extends { readonly query: infer Schema }
  ? Part<'query', {} extends InputOf<Schema> ? InputOf<Schema> | undefined : InputOf<Schema>>
  : Pick<CallInit, 'query'>

type JsonPart<Rule> = Rule extends { readonly body: infer Schema }
  ? Part<'json', InputOf<Schema>> & { readonly body?: never }
  : Pick<CallInit, 'json' | 'body'>
