import type { CallInit } from './call-input.ts'

/** What every call takes, whatever its route. */
export interface BaseInit extends Omit<
  CallInit,
  'method' | 'params' | 'query' | 'headers' | 'json' | 'body'
> {}

/** A member of an init: absent when there is no such thing, optional when it may be left out. */
export type Part<Name extends string, T> = [T] extends [undefined]
  ? { readonly [N in Name]?: never }
  : undefined extends T
    ? { readonly [N in Name]?: Exclude<T, undefined> }
    : { readonly [N in Name]: T }

/** The arguments after the input: an init that may be left out when everything in it may be. */
export type InitArgs<Parts> = {} extends Parts ? [init?: BaseInit & Parts] : [init: BaseInit & Parts]

/** `T[K]`, or undefined when there is no such key. */
export type Get<T, K extends PropertyKey> = K extends keyof T ? T[K] : undefined
