import type { PlanExplanation } from '../explain/explanation.ts'
import { table } from '../explain/table.ts'
import { redactUrls } from '../registry/origin.ts'
import { quote } from '../quote.ts'
import type { Answer } from './actions.ts'
import { cut } from './cut.ts'
import { subjectsOf, type ShownApp, type ShownClient } from './subjects.ts'

/** The maximum length of a name in a row of text, in characters. */
const MAX_LENGTH = 80

/** Answers which instance a call would use: `?service=…&target=…`. The target is a route, a path or empty. */
export function explain(list: readonly (ShownClient | ShownApp)[], { searchParams }: URL): Answer {
  const target = searchParams.get('target') ?? ''
  try {
    const subject = subjectsOf(list).get(searchParams.get('service') ?? '')
    if (!subject) throw new RangeError('there is no such service')
    const explanation = subject.client.explain(target === '' ? undefined : target)
    const { sourceError } = explanation
    const safe =
      sourceError === undefined ? explanation : { ...explanation, sourceError: redactUrls(sourceError) }
    const instances = safe.instances.map((each) => ({ ...each, id: cut(inOneLine(each.id), MAX_LENGTH) }))
    return {
      status: 200,
      body: { ...safe, text: redactUrls(`${table({ ...safe, instances })}\n${lineOf(safe.plan)}`) },
    }
  } catch (error) {
    return { status: 400, body: { error: redactUrls(error instanceof Error ? error.message : quote(error)) } }
  }
}

/** Returns the policy in force, in one line. */
function lineOf({ attempts, hedges, total, attempt, breaker, priority }: PlanExplanation): string {
  const limits = Object.entries({ total, attempt }).map(([name, ms]) =>
    ms === undefined ? '' : `, ${name} timeout ${ms} ms`,
  )
  const guard = { instance: 'breaker of the instance', route: 'breaker of its own', none: 'no breaker' }[
    breaker
  ]
  return `plan: attempts: ${attempts}, hedges: ${hedges}${limits.join('')}, ${guard}, priority ${priority}`
}

/**
 * Invisible characters, which are escaped as in the page. Otherwise a name could look like another line, or
 * shift the columns.
 */
const UNSEEN = /[\p{Cc}\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/gu

function inOneLine(text: string): string {
  return text.replace(UNSEEN, (unseen) => `\\u{${unseen.codePointAt(0)?.toString(16)}}`)
}
