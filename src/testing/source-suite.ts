import { registrarCases } from './registrar-cases.ts'
import { sourceCases } from './source-cases.ts'
import type { RegistrarHarness, SourceHarness, SuiteCase } from './harness.ts'

export { registrarCases, sourceCases }
export type { RegistrarHarness, RegistryServer, SourceHarness, SuiteCase } from './harness.ts'

/** `it` or `test` of vitest or node:test, or any function that takes a name and a function. */
export type DefineTest = (name: string, run: () => Promise<void>) => unknown

/**
 * Defines a test for each case that every source must pass. Set the runner's timeout above the bounds of the
 * harness.
 *
 * @example
 * import { describe, it } from 'vitest'
 * describe('my source', () => {
 *   sourceSuite(it, { source: () => mySource(address), set: (service, instances) => fill(address, service, instances) })
 * })
 */
export function sourceSuite(it: DefineTest, harness: SourceHarness): void {
  define(it, sourceCases(harness))
}

/**
 * Defines a test for each case that every registrar must pass.
 *
 * @example
 * registrarSuite(it, { registrar: () => myRegistrar(address), list: (service) => readAll(address, service) })
 */
export function registrarSuite(it: DefineTest, harness: RegistrarHarness): void {
  define(it, registrarCases(harness))
}

function define(it: DefineTest, cases: readonly SuiteCase[]): void {
  for (const test of cases) it(test.name, () => test.run())
}
