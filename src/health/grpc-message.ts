/** What `grpc.health.v1.HealthCheckResponse.ServingStatus` names, by number. */
const SERVING_STATUS: readonly string[] = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN']

/** The status codes of gRPC, by number. */
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

/** `UNIMPLEMENTED (12)`: with its number, for UNKNOWN is a serving status too. */
export function statusName(code: number): string {
  return `${STATUS[code] ?? 'status'} (${code})`
}

/** One gRPC message that holds a `HealthCheckRequest`: its field 1 is the name of the service, and left out when empty. */
export function healthRequest(service: string): Buffer {
  const name = Buffer.from(service)
  const message = name.length === 0 ? name : Buffer.concat([Buffer.of(0x0a), varint(name.length), name])
  const prefix = Buffer.alloc(5)
  prefix.writeUInt32BE(message.length, 1)
  return Buffer.concat([prefix, message])
}

/**
 * The serving status in the body of an answer: one gRPC message that holds a `HealthCheckResponse`. Throws an Error that says what is
 * wrong with it.
 */
export function servingStatus(body: Buffer): string {
  if (body.length < 5) throw new Error('the gRPC answer has no message')
  if (body[0] !== 0) throw new Error('the gRPC message is compressed, which was not asked for')
  if (body.readUInt32BE(1) !== body.length - 5) throw new Error('the gRPC answer is not one whole message')
  const status = enumOf(body.subarray(5))
  return SERVING_STATUS[status] ?? `serving status ${status}`
}

/** Field 1 of a message; unknown fields are passed over, and the last of many counts. */
function enumOf(message: Buffer): number {
  let value = 0
  let at = 0
  const next = (): number => {
    let result = 0
    // Seven bits of each byte, lowest first; ten bytes at most. Above 2^53 it is no number that is known.
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = message[at++]
      if (byte === undefined) break
      result += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return result
    }
    throw new Error('the gRPC message is no protobuf')
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
      // Not `at += next()`: that would add to the place before the length.
      const length = next()
      at += length
    } else if (wireType === 5) at += 4
    else throw new Error('the gRPC message is no protobuf')
    if (at > message.length) throw new Error('the gRPC message is no protobuf')
  }
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  for (; value > 0x7f; value >>>= 7) bytes.push((value & 0x7f) | 0x80)
  return Buffer.from([...bytes, value])
}
