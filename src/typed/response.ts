/**
 * A `Response` whose `json()` has the declared type of its body. Without a declaration, the type is `unknown` instead
 * of `any`.
 */
export interface TypedResponse<
  Body = unknown,
  Status extends number = number,
  Ok extends boolean = boolean,
> extends Response {
  readonly status: Status
  readonly ok: Ok
  readonly json: () => Promise<Body>
  readonly clone: () => TypedResponse<Body, Status, Ok>
}

/** The union of a route's responses, made from `[status key]: body`. `res.ok` and `res.status` distinguish them. */
export type Answers<Bodies> = {
  [Key in keyof Bodies]: Answer<Bodies[Key], Key, keyof Bodies>
}[keyof Bodies]

type Answer<Body, Key, Declared> = Key extends Success
  ? TypedResponse<Body, Key, true>
  : Key extends number
    ? TypedResponse<Body, Key, false>
    : Key extends '2XX'
      ? TypedResponse<Body, Exclude<Success, Declared>, true>
      : Key extends keyof Ranges
        ? TypedResponse<Body, Exclude<Ranges[Key], Declared>, false>
        : Key extends 'default'
          ? Default<Body, Declared>
          : never

/** By convention, `default` is the error of a route that declares its successes. */
type Default<Body, Declared> =
  | TypedResponse<Body, Exclude<Ranges[Exclude<keyof Ranges, Declared>], Declared>, false>
  | (Extract<Declared, Success | '2XX'> extends never ? TypedResponse<Body, Success, true> : never)

type Success = 200 | 201 | 202 | 203 | 204 | 205 | 206 | 207 | 208 | 226

/** The registered statuses. It is a union of literals, because `number` cannot be narrowed. */
interface Ranges {
  '3XX': 300 | 301 | 302 | 303 | 304 | 305 | 306 | 307 | 308
  '4XX':
    | (400 | 401 | 402 | 403 | 404 | 405 | 406 | 407 | 408 | 409 | 410 | 411 | 412 | 413 | 414 | 415)
    | (416 | 417 | 418 | 421 | 422 | 423 | 424 | 425 | 426 | 428 | 429 | 431 | 451)
  '5XX': 500 | 501 | 502 | 503 | 504 | 505 | 506 | 507 | 508 | 510 | 511
}
