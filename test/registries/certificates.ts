import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** A CA, and a server's and a client's certificate by it, in a folder of their own. */
export interface Certificates {
  readonly ca: string
  readonly clientCert: string
  readonly clientKey: string
  /** `server.crt`, `server.key`, `ca.crt` and so on. */
  path(file: string): string
  close(): Promise<void>
}

export async function certificates(): Promise<Certificates> {
  const folder = await mkdtemp(join(tmpdir(), 'outrigger-certificates-'))
  const path = (file: string): string => join(folder, file)
  const openssl = (...args: string[]): Promise<unknown> => run('openssl', args, { cwd: folder })
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  await openssl(
    'req',
    '-x509',
    ...key,
    '-keyout',
    'ca.key',
    '-out',
    'ca.crt',
    '-subj',
    '/CN=test CA',
    '-days',
    '2',
  )
  await writeFile(
    path('ext'),
    'subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=serverAuth,clientAuth\n',
  )
  for (const name of ['server', 'client']) {
    await openssl('req', ...key, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`)
    const by = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', 'ext', '-days', '2']
    await openssl('x509', '-req', '-in', `${name}.csr`, ...by, '-out', `${name}.crt`)
  }
  return {
    ca: await readFile(path('ca.crt'), 'utf8'),
    clientCert: await readFile(path('client.crt'), 'utf8'),
    clientKey: await readFile(path('client.key'), 'utf8'),
    path,
    close: () => rm(folder, { recursive: true, force: true }),
  }
}
