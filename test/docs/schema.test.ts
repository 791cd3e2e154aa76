import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { APP_OPTIONS } from '../../src/app/options.ts'
import { CLIENT_OPTIONS } from '../../src/client/check-options.ts'
import { breakerOptionNames } from '../../src/breaker/policy.ts'

type Schema = { properties: object; $defs: Record<string, { properties: object }> }
const schema = JSON.parse(await readFile('config.schema.json', 'utf8')) as Schema

/** What JSON cannot say: functions and objects with methods, and what an application or its service cannot have. */
const CODE = ['service', 'clock', 'balance', 'fallback', 'classify', 'redactPath']
const names = (properties: object | undefined): string[] => Object.keys(properties ?? {}).toSorted()

describe('config.schema.json', () => {
  it('has every option that JSON can say, and no other', () => {
    const client = CLIENT_OPTIONS.filter((name) => !CODE.includes(name))
    expect(names(schema.$defs['service']?.properties)).toEqual(client.toSorted())
    expect(names(schema.$defs['client']?.properties)).toEqual(
      client.filter((name) => name !== 'source').toSorted(),
    )
    const app = [...APP_OPTIONS.filter((name) => name !== 'clock'), '$schema', 'reload']
    expect(names(schema.properties)).toEqual(app.toSorted())
    expect(names(schema.$defs['breaker']?.properties)).toEqual([...breakerOptionNames].toSorted())
  })

  it('is named by the example', async () => {
    const example = JSON.parse(await readFile('examples/register/outrigger.config.json', 'utf8')) as Record<
      string,
      unknown
    >
    expect(example['$schema']).toBe('../../config.schema.json')
    const known = names(schema.properties)
    for (const key of Object.keys(example)) expect(known).toContain(key)
  })
})
