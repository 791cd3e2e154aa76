/** The names of `grpc.health.v1.HealthCheckResponse.ServingStatus`, by number. */
const SERVING_STATUS: readonly string[] = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN']

/** The names of the gRPC status codes, by number. */
const STATUS: readonly string[] = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
]

/** `UNIMPLEMENTED (12)`. The number distinguishes the status code UNKNOWN from the serving status UNKNOWN. */
export function statusName(code: number): string {
  return `${STATUS[code] ?? 'status'} (${code})`
}

/** Returns a gRPC message with a `HealthCheckRequest`. Its field 1 is the name of the service, omitted if empty. */
export function healthRequest(service: string): Buffer {
  const name = Buffer.from(service)
  const message = name.length === 0 ? name : Buffer.concat([Buffer.of(0x0a), varint(name.length), name])
  const prefix = Buffer.alloc(5)
  prefix.writeUInt32BE(message.length, 1)
  return Buffer.concat([prefix, message])
}

/**
 * Returns the serving status from the body of an answer, which must be one gRPC message with a
 * `HealthCheckResponse`. Throws an Error that describes what is wrong.
 */
export function servingStatus(body: Buffer): string {
  if (body.length < 5) throw new Error('the gRPC answer has no message')
  if (body[0] !== 0) throw new Error('the gRPC message is compressed, although the request does not allow it')
  if (body.readUInt32BE(1) !== body.length - 5) throw new Error('the gRPC answer is not one complete message')
  const status = enumOf(body.subarray(5))
  return SERVING_STATUS[status] ?? `serving status ${status}`
}

/**
 * Returns the value of field 1 of a message. Skips unknown fields. If the field occurs more than once, the last
 * value counts.
 */
function enumOf(message: Buffer): number {
  let value = 0
  let at = 0
  const next = (): number => {
    let result = 0
    // A varint: each byte contains 7 bits, the lowest first, in at most 10 bytes. Values above 2^53 lose
    // precision, but none of them is a known status.
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = message[at++]
      if (byte === undefined) break
      result += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return result
    }
    throw new Error('the gRPC message is not valid protobuf')
  }
  while (at < message.length) {
    const tag = next()
    if (tag === 0x08) value = next()
    else skip(tag % 8)
  }
  return value

  function skip(wireType: number): void {
    if (wireType === 0) next()
    else if (wireType === 1) at += 8
    else if (wireType === 2) {
      // Not `at += next()`: that would read `at` before `next()` moves it past the length.
      const length = next()
      at += length
    } else if (wireType === 5) at += 4
    else throw new Error('the gRPC message is not valid protobuf')
    if (at > message.length) throw new Error('the gRPC message is not valid protobuf')
  }
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  for (; value > 0x7f; value >>>= 7) bytes.push((value & 0x7f) | 0x80)
  return Buffer.from([...bytes, value])
}
