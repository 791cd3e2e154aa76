import type { Channel } from 'node:diagnostics_channel'
import { channelOf } from './channels.ts'
import { EVENT_NAMES } from './event-names.ts'

let channels: ReadonlyMap<string, Channel> | undefined

/** Returns the plain channel of each event that has one. All clients share the same channels. */
export function eventChannels(): ReadonlyMap<string, Channel> {
  return (channels ??= new Map(
    EVENT_NAMES.flatMap((name) => {
      const channel = channelOf(name)
      return channel ? [[name, channel]] : []
    }),
  ))
}
