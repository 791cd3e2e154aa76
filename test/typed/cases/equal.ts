// oxlint-disable typescript/no-unnecessary-type-parameters -- the compiler compares such functions by identity
type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

/** Compiles only for a value of exactly that type: `any` is not `unknown`, and a union not one of its members. */
export declare function expectExactly<Expected>(): <Actual>(
  value: Actual,
  ...verdict: Equal<Expected, Actual> extends true ? [] : [never]
) => void
