export { ManualClock } from './clock.ts'
export { identity } from './identity.ts'
export type { SimulatedArrivals } from './arrivals.ts'
export { simulate, type ClientContext, type SimulatedPolicy, type SimulationOptions } from './simulate.ts'
export type {
  LatencySummary,
  SimulatedEvent,
  SimulatedEventName,
  SimulatedSecond,
  SimulationReport,
} from './report.ts'
export type { ServerContext, SimulatedAnswer, SimulatedRequest, SimulatedServer } from './servers.ts'
export {
  registrarCases,
  registrarSuite,
  sourceCases,
  sourceSuite,
  type DefineTest,
  type RegistrarHarness,
  type RegistryServer,
  type SourceHarness,
  type SuiteCase,
} from './source-suite.ts'
