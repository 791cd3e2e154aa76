import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { kubernetes } from '../../../src/registry/kubernetes.ts'
import { readKubeconfig } from '../../../src/registry/kubernetes/kubeconfig.ts'
import { apiServer, list, named, type Handler } from './api-server.ts'

async function folderWith(files: Record<string, string>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'outrigger-kubeconfig-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
  return folder
}

const yaml = (server: string, user: string): string => `
apiVersion: v1
kind: Config
current-context: main
clusters:
  - name: c
    cluster: { server: "${server}", certificate-authority-data: ${Buffer.from('the CA').toString('base64')} }
users:
  - name: u
    user: ${user}
contexts:
  - name: main
    context: { cluster: c, user: u, namespace: shop }
  - name: other
    context: { cluster: c }
`

describe('a kubeconfig file', () => {
  it('provides server, namespace and token, read again for each request', async () => {
    const seen: (string | undefined)[] = []
    const note =
      (handler: Handler): Handler =>
      (response, url, request) => {
        seen.push(`${url.pathname} ${request.headers.authorization}`)
        handler(response, url, request)
      }
    const { server } = await apiServer(note(list('7', named('a', '10.0.0.1', '1'))))
    const folder = await folderWith({ config: yaml(server, '{ tokenFile: token }'), token: 'one\n' })
    const stop = new AbortController()
    const watched = kubernetes({ kubeconfig: join(folder, 'config') }).watch('orders', stop)
    const watch = watched[Symbol.asyncIterator]()
    expect((await watch.next()).value).toMatchObject([{ url: 'http://10.0.0.1:8080' }])
    stop.abort()
    expect(seen[0]).toBe('/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices Bearer one')
  })

  it('provides certificates, inline or from files next to it', async () => {
    const user = `{ client-certificate: me.crt, client-key-data: ${Buffer.from('key').toString('base64')} }`
    const folder = await folderWith({ config: yaml('https://10.0.0.1:6443/', user), 'me.crt': 'cert' })
    expect(await readKubeconfig(join(folder, 'config'), undefined)).toEqual({
      server: 'https://10.0.0.1:6443',
      namespace: 'shop',
      token: undefined,
      tokenFile: undefined,
      tls: { ca: Buffer.from('the CA'), cert: Buffer.from('cert'), key: Buffer.from('key') },
    })
  })

  it('may be JSON with a byte order mark, and the option context selects a context', async () => {
    const config = {
      clusters: [{ name: 'c', cluster: { server: 'http://10.0.0.1', 'insecure-skip-tls-verify': true } }],
      contexts: [null, { name: 'x', context: { cluster: 'c' } }],
    }
    const folder = await folderWith({ config: `\uFEFF${JSON.stringify(config)}` })
    expect(await readKubeconfig(join(folder, 'config'), 'x')).toMatchObject({
      server: 'http://10.0.0.1',
      tls: { rejectUnauthorized: false },
    })
  })

  it.each([
    ['{ exec: { command: aws } }', undefined, /authenticates user 'u' by exec, which is not supported/],
    ['{ token: t }', 'nope', /has no context 'nope'/],
  ])('that is invalid causes an error with the reason: %s', async (user, context, message) => {
    const folder = await folderWith({ config: yaml('https://10.0.0.1', user) })
    await expect(readKubeconfig(join(folder, 'config'), context)).rejects.toThrow(message)
  })

  it('that does not exist fails the watch, not the construction', async () => {
    const source = kubernetes({ kubeconfig: '/nowhere/config' })
    const watch = source.watch('orders', new AbortController())[Symbol.asyncIterator]()
    await expect(watch.next()).rejects.toThrow('/nowhere/config')
  })
})

describe('one watch for all services', () => {
  it('gives each service its slices, and joins them again only when they have changed', async () => {
    const of = (service: string, name: string, address: string): ReturnType<typeof named> => {
      const slice = named(name, address, '1')
      return { ...slice, metadata: { ...slice.metadata, labels: { 'kubernetes.io/service-name': service } } }
    }
    let say = (_text: string): void => {}
    const { server, requests } = await apiServer(
      list('7', of('orders', 'a', '10.0.0.1'), of('users', 'b', '10.0.0.2')),
      (response) => {
        say = (text) => void response.write(text)
        response.flushHeaders()
      },
    )
    const stop = new AbortController()
    const source = kubernetes({ server, shared: true })
    const watch = (service: string): AsyncIterator<unknown> =>
      source.watch(service, stop)[Symbol.asyncIterator]()
    const [orders, users, none] = [watch('orders'), watch('users'), watch('none')]
    expect((await orders.next()).value).toMatchObject([{ url: 'http://10.0.0.1:8080' }])
    expect((await users.next()).value).toMatchObject([{ url: 'http://10.0.0.2:8080' }])
    expect((await none.next()).value).toEqual([])
    let told = false
    const ordersNext = orders.next().then(() => (told = true))
    const next = users.next()
    await expect.poll(() => requests.length).toBe(2)
    say(`${JSON.stringify({ type: 'MODIFIED', object: of('users', 'b', '10.0.0.3') })}\n`)
    // The old endpoint is kept next to the new one for a moment.
    expect((await next).value).toContainEqual(expect.objectContaining({ url: 'http://10.0.0.3:8080' }))
    expect(told).toBe(false)
    expect(requests).toEqual(['list 0', 'watch 7'])
    stop.abort()
    await ordersNext
  })
})
