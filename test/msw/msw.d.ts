/** What these tests use of MSW: its own declarations need lib.dom, which this project does without. */
declare module 'msw' {
  export interface RequestHandler {
    readonly info: unknown
  }
  type Resolver = (info: {
    request: Request
    params: Record<string, string | readonly string[] | undefined>
  }) => Response | Promise<Response>
  export const http: Record<'get' | 'post', (url: string, resolver: Resolver) => RequestHandler>
  export class HttpResponse extends Response {
    static json(body: unknown, init?: ResponseInit): HttpResponse
    static text(body: string, init?: ResponseInit): HttpResponse
    static error(): HttpResponse
  }
}

declare module 'msw/node' {
  import type { RequestHandler } from 'msw'
  export function setupServer(...handlers: RequestHandler[]): {
    listen(options?: { onUnhandledFrame?: 'bypass' | 'warn' | 'error' }): void
    use(...handlers: RequestHandler[]): void
    resetHandlers(): void
    close(): void
  }
}
