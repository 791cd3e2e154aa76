import { channel, tracingChannel, type Channel, type TracingChannel } from 'node:diagnostics_channel'
import type { AttemptMessage, CallMessage } from './channel-messages.ts'

/** The tracing channel for calls: `tracing:outrigger:call:start`, `:end`, `:asyncStart`, `:asyncEnd`, `:error`. */
export const callChannel: TracingChannel<unknown, CallMessage> = tracingChannel('outrigger:call')

/** The tracing channel for the tries of calls: `tracing:outrigger:attempt:start` and so on. */
export const attemptChannel: TracingChannel<unknown, AttemptMessage> = tracingChannel('outrigger:attempt')

const breaker = channel('outrigger:breaker')
const instance = channel('outrigger:instance')
const source = channel('outrigger:source')

/** Returns the plain channel that publishes events of this name, or undefined if there is none. */
export function channelOf(name: string): Channel | undefined {
  if (name.startsWith('breaker:')) return breaker
  if (name.startsWith('instance:')) return instance
  return name.startsWith('source:') ? source : undefined
}

/** True if a channel that publishes what calls do has a subscriber. */
export function hasSubscribers(): boolean {
  return (
    callChannel.hasSubscribers ||
    attemptChannel.hasSubscribers ||
    breaker.hasSubscribers ||
    instance.hasSubscribers
  )
}
