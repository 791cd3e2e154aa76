import { quote } from '../options.ts'

type Environment = Readonly<Record<string, string | undefined>>

/**
 * The few things that differ from stage to stage, from the environment: `OUTRIGGER_SOURCE`, the source of all services as JSON, and
 * `OUTRIGGER_UNKNOWN`.
 */
export function withEnvironment(config: unknown, environment: Environment): unknown {
  const { OUTRIGGER_SOURCE: source, OUTRIGGER_UNKNOWN: unknown } = environment
  // Anything else is refused by whoever reads the configuration.
  if (typeof config !== 'object' || config === null) return config
  return {
    ...config,
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
