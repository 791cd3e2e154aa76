import type { CurrentPlans } from '../doors/dispatcher/dispatcher.ts'
import type { Plans } from '../doors/plan/plans.ts'
import { needsNewPools } from '../fleet/fleet-options.ts'
import type { Guard } from '../fleet/guard.ts'
import { checkBoolean, checkNumber, checkObject } from '../options.ts'
import { Budget } from '../retry/budget.ts'
import { checkClientOptions } from './check-options.ts'
import { compilePlans, type CompiledPlans } from './compile.ts'
import type { Configured } from './configurable.ts'
import { allowOf, fleetPolicy, hasUserCode, type ClientCore } from './core.ts'
import { checksOf } from './health.ts'
import type { ClientOptions } from './options.ts'
import {
  changedOptions,
  checkBy,
  dryRunUpdate,
  mergeOptions,
  plainCopy,
  type ClientUpdate,
  type UpdateOptions,
} from './update.ts'

/** The options of a client and the plans that are compiled from them. An update replaces both. */
export class Configuration implements CurrentPlans {
  /** In bytes. Undefined for no limit. */
  maxResponseSize: number | undefined
  /** True if plain calls do not use the platform's fetch. */
  usesFastPath: boolean
  readonly #core: ClientCore
  #options: ClientOptions
  #compiled: CompiledPlans

  /** `options` must have been checked. `compiled` and `core` must have been made from them. */
  constructor(options: ClientOptions, compiled: CompiledPlans, core: ClientCore) {
    this.maxResponseSize = options.maxResponseSize
    this.usesFastPath = options.fetch !== 'platform'
    this.#core = core
    this.#options = plainCopy(options)
    this.#compiled = compiled
  }

  /** The plans for calls that begin now. */
  get plans(): Plans {
    return this.#compiled.plans
  }

  get guards(): readonly Guard[] {
    return this.#compiled.guards
  }

  /** Checks everything before it applies anything. Calls in flight keep the plan that they have begun with. */
  update(update: ClientUpdate, by: UpdateOptions = {}): void {
    this.#refuseClosed()
    checkObject("update()'s options", by, ['by'])
    const who = checkBy(by)
    this.#prepare(mergeOptions(this.#options, update))?.(who)
  }

  /**
   * Checks the options. The returned function applies them and does not throw. Returns undefined if nothing would
   * change.
   */
  #prepare(options: ClientOptions): ((who: string | undefined) => void) | undefined {
    const core = this.#core
    checkClientOptions(options)
    const changed = changedOptions(this.#options, options)
    if (changed.length === 0) return undefined
    const compiled = compilePlans(options, this.#compiled)
    const policy = fleetPolicy(options, compiled, {
      policy: core.fleet.policy,
      options: this.#options,
      plans: this.plans,
      changed,
    })
    const budget = changed.includes('budget') ? new Budget(options.budget ?? {}, core.clock) : core.budget
    const allow = allowOf(options)
    const checks = checksOf(options)
    if (options.emptyGrace !== undefined) checkNumber('emptyGrace', options.emptyGrace)
    return (who) => {
      this.#options = plainCopy(options)
      this.#compiled = compiled
      this.maxResponseSize = options.maxResponseSize
      this.usesFastPath = options.fetch !== 'platform'
      core.kept = compiled.kept
      core.budget = budget
      core.observer.reconfigure({
        redactPath: options.redactPath,
        hasUserCode: hasUserCode(policy.balancer, compiled.plans),
      })
      if (changed.includes('allow') || changed.includes('emptyGrace')) {
        core.discovery.reconfigure(allow, options.emptyGrace)
      }
      // Before `reconfigure`, which replaces the fleet's policy.
      if (needsNewPools(core.fleet.policy, policy) || !this.plans.mirrors) core.mirroring.closePools()
      core.fleet.reconfigure(policy)
      if (changed.includes('health') || changed.includes('transport')) {
        core.fleet.checker = undefined
        core.checker.reconfigure(checks)
        if (core.checker.isOn) core.fleet.checker = core.checker
        core.fleet.invalidate()
      }
      core.events.emit('config:changed', { ...core.stamp(), changed, ...(who !== undefined && { by: who }) })
    }
  }

  readonly configured: Configured = {
    group: 'routes',
    options: () => ({ ...this.#options }),
    check: (update) => {
      this.#refuseClosed()
      const options = mergeOptions(this.#options, update)
      this.#prepare(options)
      return { ...options }
    },
    update: (update, by) => this.update(update, by),
    owners: new Set(),
    onClose: (end) => {
      if (this.#core.closeError) end()
      else this.#core.onClose.add(end)
      return () => this.#core.onClose.delete(end)
    },
  }

  /** With true, the breakers of the client and of its routes only report what they would do. */
  dryRun(on: boolean, by: UpdateOptions = {}): void {
    checkBoolean('dryRun()', on)
    this.update(dryRunUpdate(this.#options, on), by)
  }

  #refuseClosed(): void {
    if (this.#core.closeError) throw this.#core.closeError
  }
}
