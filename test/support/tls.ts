import { createSecureServer, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2'
import type { TLSSocket } from 'node:tls'
import { listenAlone } from './own-server.ts'

/** Self-signed for `user-service`, for nothing but tests, from 2020 to 2120. */
export const cert: string = `-----BEGIN CERTIFICATE-----
MIIBVzCB/6ADAgECAgEBMAoGCCqGSM49BAMCMBcxFTATBgNVBAMMDHVzZXItc2Vy
dmljZTAgFw0yMDAxMDEwMDAwMDBaGA8yMTIwMDEwMTAwMDAwMFowFzEVMBMGA1UE
AwwMdXNlci1zZXJ2aWNlMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE9RS3dAsg
3jNdl3Y6axTMJakuikB6PQ3aZ+ONZh/NjSxHmZxlBapf6DO42SeCMyeNLxlveWZf
GwyjIIaGhpa7sqM6MDgwFwYDVR0RBBAwDoIMdXNlci1zZXJ2aWNlMB0GA1UdDgQW
BBR/+tdLU6iHeMkuGcjL2a1n/+yH3zAKBggqhkjOPQQDAgNHADBEAiBG8q5BiHJC
AYFP22Gp13O2tMuSopSQbaph6X/2GVj6vQIgOyWFBckLL4S5tb3Ud1x1e0AYTp5j
/rMQwUF9vftQ0xw=
-----END CERTIFICATE-----
`
export const key: string = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg2WDSFVnwWeDu72UZ
Ho3nzajHdn4YCEnUk3LbkER9TYGhRANCAAT1FLd0CyDeM12XdjprFMwlqS6KQHo9
Ddpn441mH82NLEeZnGUFql/oM7jZJ4IzJ40vGW95Zl8bDKMghoaGlruy
-----END PRIVATE KEY-----
`

export interface SecureServer extends AsyncDisposable {
  readonly url: string
  readonly host: string
  /** `2.0 user-service user-service`: version, SNI and authority of each request. */
  readonly seen: readonly string[]
}

/** HTTP/1.1 and HTTP/2 over TLS; it answers with the body it got. */
export async function startSecureServer(): Promise<SecureServer> {
  const seen: string[] = []
  const server = createSecureServer({ cert, key, allowHTTP1: true }, (request, response) => {
    const { servername } = sniOf(request)
    seen.push(
      `${request.httpVersion} ${String(servername)} ${request.headers[':authority'] ?? request.headers.host}`,
    )
    pipe(request, response)
  })
  server.on('sessionError', () => {})
  const own = await listenAlone(server)
  return {
    url: `https://${own.host}`,
    host: own.host,
    seen,
    [Symbol.asyncDispose]: () => own[Symbol.asyncDispose](),
  }
}

function sniOf(request: Http2ServerRequest): { servername?: string | false | null } {
  const session = request.stream?.session
  return (session ? session.socket : request.socket) as TLSSocket
}

function pipe(request: Http2ServerRequest, response: Http2ServerResponse): void {
  request.pipe(response)
}
