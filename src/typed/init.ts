import type { CallInit } from './call-input.ts'

/** The members of the init of every call. */
export interface BaseInit extends Omit<
  CallInit,
  'method' | 'params' | 'query' | 'headers' | 'json' | 'body'
> {}

/** A member of an init. It is absent if the schema has none, and optional if it may be left out. */
export type Part<Name extends string, T> = [T] extends [undefined]
  ? { readonly [N in Name]?: never }
  : undefined extends T
    ? { readonly [N in Name]?: Exclude<T, undefined> }
    : { readonly [N in Name]: T }

/** The arguments after the input. The init is optional if all of its members are. */
export type InitArgs<Parts> = {} extends Parts ? [init?: BaseInit & Parts] : [init: BaseInit & Parts]

/** `T[K]`, or undefined if there is no such key. */
export type Get<T, K extends PropertyKey> = K extends keyof T ? T[K] : undefined
