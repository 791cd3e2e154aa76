import { channel, tracingChannel, type Channel, type TracingChannel } from 'node:diagnostics_channel'
import type { AttemptMessage, CallMessage } from './channel-messages.ts'

/** One logical call: `tracing:outrigger:call:start`, `:end`, `:asyncStart`, `:asyncEnd`, `:error`. */
export const callChannel: TracingChannel<unknown, CallMessage> = tracingChannel('outrigger:call')

/** One try of a call: `tracing:outrigger:attempt:start` and so on. */
export const attemptChannel: TracingChannel<unknown, AttemptMessage> = tracingChannel('outrigger:attempt')

const breaker = channel('outrigger:breaker')
const instance = channel('outrigger:instance')
const source = channel('outrigger:source')

/** The plain channel that events of this name are published on, if there is one. */
export function channelOf(name: string): Channel | undefined {
  if (name.startsWith('breaker:')) return breaker
  if (name.startsWith('instance:')) return instance
  return name.startsWith('source:') ? source : undefined
}

/** Whether anybody outside hears of what calls do. */
export function hasSubscribers(): boolean {
  return (
    callChannel.hasSubscribers ||
    attemptChannel.hasSubscribers ||
    breaker.hasSubscribers ||
    instance.hasSubscribers
  )
}
