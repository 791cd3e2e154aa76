import { quote } from '../options.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** An empty variable counts as not set: compose files and unit files set unused variables to the empty string. */
export function setting(environment: Environment, name: string): string | undefined {
  return environment[name] || undefined
}

/**
 * Applies the settings that usually differ between stages, from the environment. `OUTRIGGER_SOURCE` is the
 * source of all services as JSON. `OUTRIGGER_UNKNOWN` replaces `unknown`, and its other name `otherwise`, of
 * the file.
 */
export function withEnvironment(config: unknown, environment: Environment): unknown {
  const source = setting(environment, 'OUTRIGGER_SOURCE')
  const unknown = setting(environment, 'OUTRIGGER_UNKNOWN')
  // readConfig() refuses a configuration that is not an object.
  if (typeof config !== 'object' || config === null || Array.isArray(config)) return config
  const { otherwise, ...others } = config as { otherwise?: unknown }
  return {
    ...others,
    ...(otherwise !== undefined && unknown === undefined && { otherwise }),
    ...(source !== undefined && { source: parsed(source) }),
    ...(unknown !== undefined && { unknown }),
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch (error) {
    throw new TypeError(`OUTRIGGER_SOURCE must be JSON such as {"dns":{"srv":"…"}}, got ${quote(text)}`, {
      cause: error,
    })
  }
}
