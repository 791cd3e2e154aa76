import { describe, expect, it } from 'vitest'
import { kubernetes } from '../../../src/registry/kubernetes.ts'

describe('options', () => {
  const server = 'http://127.0.0.1:1'
  it.each<[string, object]>([
    ['kubernetes.ports is not an option', { server, ports: 1 }],
    ['port must be an integer >= 1', { server, port: 0 }],
    ['port must be a string that is not empty', { server, port: '' }],
    ["scheme must be 'http' or 'https', got 'ftp'", { server, scheme: 'ftp' }],
    ["namespace must be a Kubernetes name, got '../x'", { server, namespace: '../x' }],
    ['zone must be a string', { server, zone: 1 }],
    ['publishNotReady must be true or false', { server, publishNotReady: 1 }],
    ['server must be an http or https url', { server: 'http://user:pass@api' }],
    ['token must be a string that is not empty', { server, token: '' }],
    ['token and tokenFile must not both be set', { server, token: 'a', tokenFile: 'b' }],
    ['rotateAfter must be a number >= 1000', { server, rotateAfter: 10 }],
    ['timeout must be a number > 0', { server, timeout: 0 }],
    ['server or kubeconfig must be set outside of a pod', {}],
  ])('are refused: %s', (message, options) => {
    expect(() => kubernetes(options)).toThrow(message)
  })

  it('refuses a service name that has a special meaning in a selector', async () => {
    const { signal } = new AbortController()
    const next = kubernetes({ server }).watch('a,b', { signal })[Symbol.asyncIterator]().next()
    await expect(next).rejects.toThrow("service must be a Kubernetes name, got 'a,b'")
  })

  it('names the token file that it cannot read', async () => {
    const { signal } = new AbortController()
    const source = kubernetes({ server, tokenFile: '/nowhere/token' })
    await expect(source.watch('a', { signal })[Symbol.asyncIterator]().next()).rejects.toThrow(
      '/nowhere/token',
    )
  })
})
