import { quote } from '../options.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** An empty variable is one that is not set: compose files and unit files leave it so. */
export function setting(environment: Environment, name: string): string | undefined {
  return environment[name] || undefined
}

/**
 * The few things that differ from stage to stage, from the environment: `OUTRIGGER_SOURCE`, the source of all services as JSON, and
 * `OUTRIGGER_UNKNOWN`, which takes the place of both its names in the file.
 */
export function withEnvironment(config: unknown, environment: Environment): unknown {
  const source = setting(environment, 'OUTRIGGER_SOURCE')
  const unknown = setting(environment, 'OUTRIGGER_UNKNOWN')
  // Anything else is refused by whoever reads the configuration.
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
