import { bytes, form, send, stream, type Case } from './case.ts'

export const bodies: readonly Case[] = [
  send('a string', () => ({ method: 'POST', body: 'grüße' })),
  send('an empty string', () => ({ method: 'POST', body: '' })),
  send('no body', () => ({ method: 'POST' })),
  send('null', () => ({ method: 'POST', body: null })),
  send('bytes', () => ({ method: 'PUT', body: bytes })),
  send('a part of an ArrayBuffer', () => ({ method: 'PUT', body: bytes.subarray(2, 4) })),
  send('an ArrayBuffer', () => ({ method: 'PUT', body: bytes.buffer })),
  send('bytes that were given away', () => ({ method: 'POST', body: givenAway() })),
  send('an ArrayBuffer that was given away', () => ({ method: 'POST', body: givenAway().buffer })),
  send('a view of what was given away', () => ({ method: 'POST', body: viewGivenAway() })),
  send('URLSearchParams', () => ({ method: 'POST', body: new URLSearchParams({ a: '1 2', b: 'ü' }) })),
  send('a Blob', () => ({ method: 'POST', body: new Blob([bytes], { type: 'image/png' }) })),
  send('FormData with files', () => ({ method: 'POST', body: form() })),
  send('a stream', () => ({ method: 'POST', body: stream('one ', 5, 'two'), duplex: 'half' })),
  send('an empty stream', () => ({ method: 'POST', body: stream(), duplex: 'half' })),
  send('a generator', () => ({
    method: 'POST',
    body: stream('one ', 1, 'two').values(),
    duplex: 'half',
  })),
  send('a stream without duplex', () => ({ method: 'POST', body: stream('x') })),
  send('a stream that fails', () => ({
    method: 'POST',
    body: new ReadableStream({
      pull(controller): void {
        controller.error(new RangeError('mine'))
      },
    }),
    duplex: 'half',
  })),
  send('a stream that is locked', () => {
    const body = stream('x')
    body.getReader()
    return { method: 'POST', body, duplex: 'half' }
  }),
  send('a body to a GET', () => ({ body: 'x' })),
  send('a DELETE with a body', () => ({ method: 'DELETE', body: 'x' })),
  send('something that is no body', () => ({ method: 'POST', body: 5 as unknown as string })),
  send('a long body both ways', () => ({ method: 'POST', body: 'x'.repeat(1_000_000) })),
]

function givenAway(): Uint8Array<ArrayBuffer> {
  const given = new Uint8Array([1, 2, 3])
  structuredClone(given, { transfer: [given.buffer] })
  return given
}

function viewGivenAway(): DataView<ArrayBuffer> {
  const buffer = new ArrayBuffer(3)
  const view = new DataView(buffer)
  structuredClone(buffer, { transfer: [buffer] })
  return view
}
