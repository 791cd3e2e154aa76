import { checkHeaderName, checkNumber, checkObject, checkRecord } from '../options.ts'
import { checkPriority, type Priority } from '../limit/priority.ts'
import type { OneOrMore, TrafficCondition } from './options.ts'
import { textsOf } from './subset.ts'

/** What is known of a call before it is sent. */
export interface TrafficRequest {
  readonly method?: string | undefined
  /** The path with its query. */
  readonly path?: string | undefined
  readonly priority?: Priority | undefined
  header?(name: string): string | undefined
  param?(name: string): string | undefined
  random(this: void): number
}

type Test = (request: TrafficRequest) => boolean

/** Returns the tests of a condition, except for `percent`. Throws if the condition is not valid. */
export function testsOf(when: TrafficCondition, name: string): readonly Test[] {
  checkObject(name, when, ['header', 'query', 'method', 'priority', 'percent'])
  const { header = {}, query = {}, method, priority, percent } = when
  const tests: Test[] = []
  checkRecord(`${name}.header`, header)
  for (const [key, wanted] of Object.entries(header)) {
    const field = checkHeaderName(`${name}.header`, key)
    const test = valueTest(wanted, `${name}.header['${key}']`)
    tests.push((request) => test(request.header?.(field)))
  }
  checkRecord(`${name}.query`, query)
  for (const [key, wanted] of Object.entries(query)) {
    const test = valueTest(wanted, `${name}.query['${key}']`)
    tests.push(({ path }) => queryOf(path).getAll(key).some(test))
  }
  if (method !== undefined) {
    const methods = new Set([...textsOf(method, `${name}.method`)].map((each) => each.toUpperCase()))
    tests.push((request) => request.method !== undefined && methods.has(request.method.toUpperCase()))
  }
  if (priority !== undefined) {
    const texts = textsOf(priority, `${name}.priority`)
    const priorities = new Set([...texts].map((each) => checkPriority(`${name}.priority`, each)))
    tests.push((request) => request.priority !== undefined && priorities.has(request.priority))
  }
  if (percent !== undefined) checkNumber(`${name}.percent`, percent, { max: 100 })
  return tests
}

function valueTest(wanted: OneOrMore<string> | true, name: string): (value: string | undefined) => boolean {
  if (wanted === true) return (value) => value !== undefined
  const values = textsOf(wanted, name)
  return (value) => value !== undefined && values.has(value)
}

function queryOf(path: string | undefined): URLSearchParams {
  const start = path?.indexOf('?') ?? -1
  return new URLSearchParams(start < 0 ? '' : path?.slice(start))
}
