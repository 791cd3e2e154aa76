import { Server, ServerCredentials, status, type sendUnaryData, type ServerUnaryCall } from '@grpc/grpc-js'
import { cert, key } from '../support/tls.ts'

interface Request {
  readonly service: string
}

/** The messages of the standard health service, which have one field each. */
const SERVICE = {
  check: {
    path: '/grpc.health.v1.Health/Check',
    requestStream: false,
    responseStream: false,
    // Field 1, a string.
    requestDeserialize: (bytes: Buffer): Request => ({ service: bytes.subarray(2).toString() }),
    requestSerialize: (): Buffer => Buffer.alloc(0),
    // Field 1, an enum. The value 0 is omitted.
    responseSerialize: (serving: number): Buffer => Buffer.from(serving === 0 ? [] : [0x08, serving]),
    responseDeserialize: (): number => 0,
  },
} as const

export const UNKNOWN = 0
export const SERVING = 1
export const NOT_SERVING = 2
export const SERVICE_UNKNOWN = 3

export interface GrpcServer extends AsyncDisposable {
  readonly url: string
  /** The status of each service, `''` for the complete server. Other services are NOT_FOUND. */
  readonly serving: Map<string, number>
  /** The calls that arrived, with their metadata. */
  readonly asked: { readonly service: string; readonly host: string; readonly metadata: object }[]
  /** Answers with this status code. */
  failWith: number | undefined
}

interface Kind {
  readonly isBare?: boolean
  readonly tls?: boolean
}

/** A real gRPC server with the standard health service, or without it if `isBare`. */
export async function startGrpcServer({ isBare = false, tls = false }: Kind = {}): Promise<GrpcServer> {
  const server = new Server()
  const asked: GrpcServer['asked'] = []
  const serving = new Map([['', SERVING]])
  const check = (call: ServerUnaryCall<Request, number>, reply: sendUnaryData<number>): void => {
    asked.push({ service: call.request.service, host: call.getHost(), metadata: call.metadata.getMap() })
    const said = serving.get(call.request.service)
    if (started.failWith !== undefined) reply({ code: started.failWith, details: 'as the test says' })
    else if (said === undefined) reply({ code: status.NOT_FOUND, details: 'unknown service' })
    else reply(null, said)
  }
  if (!isBare) server.addService(SERVICE, { check })
  const credentials = tls
    ? ServerCredentials.createSsl(null, [{ cert_chain: Buffer.from(cert), private_key: Buffer.from(key) }])
    : ServerCredentials.createInsecure()
  const bound = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', credentials, (error, given) => (error ? reject(error) : resolve(given)))
  })
  const started: GrpcServer = {
    url: `${tls ? 'https' : 'http'}://127.0.0.1:${bound}`,
    serving,
    asked,
    failWith: undefined,
    async [Symbol.asyncDispose]() {
      server.forceShutdown()
    },
  }
  return started
}
