import { echo, ok, redirect, reply, type Answer } from '../../support/http-server.ts'
import { get, send, stream, type Case } from './case.ts'

const hops: readonly Case[] = [301, 302, 303, 307, 308].flatMap((status) =>
  [
    { method: 'GET' },
    { method: 'HEAD' },
    { method: 'POST', body: 'again', headers: { 'X-A': '1', 'content-language': 'de' } },
    { method: 'PUT', body: 'again' },
  ].map((init) => send(`${status} after ${init.method}`, () => init, redirect('/there?b=2', status), echo)),
)

const toOther = (status: number): Case => ({
  name: `${status} to another host`,
  call: (fetch, url, { other }) => {
    const headers = { authorization: 'a', 'proxy-authorization': 'b', cookie: 'c', 'x-kept': 'd' }
    // Made here, because the response contains the other server's address.
    return fetch(`${url}/to?${other}`, { method: 'PUT', body: 'x', headers })
  },
  answers: [(request, response) => redirect(`${request.url?.split('?')[1]}/echo`, status)(request, response)],
})

export const redirects: readonly Case[] = [
  ...hops,
  ...(['manual', 'error', 'nonsense'] as const).flatMap((mode) =>
    [301, 303, 307].map((status) =>
      send(
        `${status} with redirect ${mode}`,
        () => ({ method: 'POST', body: 'x', redirect: mode as 'manual' }),
        redirect('/there', status),
        ok,
      ),
    ),
  ),
  ...[300, 304, 305, 306].map((status) =>
    get(`${status}, which is none`, '/', redirect('/there', status), ok),
  ),
  get('a fragment that is kept', '/a#part', redirect('/there'), ok),
  get('a fragment of the target', '/a#part', redirect('/there#other'), ok),
  get('a relative target', '/a/b', redirect('../c?d'), ok),
  get('no target', '/', reply(302, 'nowhere')),
  get('an empty target', '/', redirect(''), ok),
  get('a target that is no URL', '/', redirect('http://['), ok),
  get('a target in another scheme', '/', redirect('data:text/plain,x'), ok),
  get(
    'a target with credentials',
    '/',
    withHost((host) => redirect(`http://user:secret@${host}/there`)),
    ok,
  ),
  get(
    'the logical host itself',
    '/',
    withHost((host) => redirect(`http://${host}/there`)),
    ok,
  ),
  get('a circle', '/', redirect('/')),
  get('several', '/', redirect('/a', 301), redirect('/b', 307), redirect('/c', 303), ok),
  get('a body with it', '/', reply(302, 'unread', { location: '/there' }), ok),
  send(
    'credentials, within the service',
    () => ({ headers: { authorization: 'a', cookie: 'b' } }),
    redirect('/there'),
    ok,
  ),
  send(
    '307 of a stream',
    () => ({ method: 'POST', body: stream('x'), duplex: 'half' }),
    redirect('/there', 307),
    ok,
  ),
  send(
    '303 of a stream',
    () => ({ method: 'POST', body: stream('x'), duplex: 'half' }),
    redirect('/there', 303),
    ok,
  ),
  ...[301, 303, 307].map(toOther),
]

function withHost(answer: (host: string) => Answer): Answer {
  return (request, response) => answer(request.headers.host ?? '')(request, response)
}
