import { setTimeout as sleep } from 'node:timers/promises'
import type { Fetch } from '../../../src/attempt/platform.ts'
import { echo, type Answer } from '../../support/http-server.ts'

export interface Context {
  /** The origin of a server that belongs to no service. */
  readonly other: string
  /** Resolves when the server has received the first request. */
  arrived(): Promise<void>
}

/** A behaviour of fetch. All doors must show the same. */
export interface Case {
  readonly name: string
  /** The responses of the server, in order. @default always 'ok' */
  readonly answers?: readonly Answer[]
  /** Calls `url`, the origin of the service. */
  readonly call: (fetch: Fetch, url: string, context: Context) => Promise<Response>
}

export type Init = RequestInit & { duplex?: 'half' }

export const get = (name: string, path: string, ...answers: Answer[]): Case => ({
  name,
  answers,
  call: (fetch, url) => fetch(url + path),
})

export const send = (name: string, init: () => Init, ...answers: Answer[]): Case => ({
  name,
  answers: answers.length > 0 ? answers : [echo],
  call: (fetch, url) => fetch(`${url}/send?a=1`, init()),
})

export const bytes: Uint8Array<ArrayBuffer> = Uint8Array.from([0, 1, 2, 253, 254, 255])

export function stream(...chunks: readonly (string | number)[]): ReadableStream<Uint8Array> {
  return ReadableStream.from(
    (async function* () {
      for (const chunk of chunks) {
        if (typeof chunk === 'number') await sleep(chunk)
        else yield new TextEncoder().encode(chunk)
      }
    })(),
  )
}

export function form(): FormData {
  const data = new FormData()
  data.append('name', 'Ada "the first" Lovelace\r\n')
  data.append('photo', new File([bytes], 'phöto.png', { type: 'image/png' }))
  data.append('photo', new Blob(['second']), 'second.bin')
  return data
}
