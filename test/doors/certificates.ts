import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

export interface KeyPair {
  readonly cert: string
  readonly key: string
}

export interface Authority extends AsyncDisposable {
  readonly ca: string
  /** A certificate of this authority for a DNS name. It contains no IP address. */
  issue(name: string): Promise<KeyPair>
}

const run = promisify(execFile)
const KEY = '-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes'

/** A certificate authority for one test file. It is made by openssl; without openssl, the tests fail. */
export async function startAuthority(): Promise<Authority> {
  const folder = await mkdtemp(join(tmpdir(), 'outrigger-tls-'))
  const openssl = (args: string): Promise<unknown> => run('openssl', args.split(' '), { cwd: folder })
  const read = (file: string): Promise<string> => readFile(join(folder, file), 'utf8')
  await openssl(`req -x509 ${KEY} -keyout ca.key -out ca.crt -subj /CN=test-CA -days 2`)
  return {
    ca: await read('ca.crt'),
    issue: async (name) => {
      await writeFile(join(folder, `${name}.ext`), `subjectAltName=DNS:${name}\n`)
      await openssl(`req ${KEY} -keyout ${name}.key -out ${name}.csr -subj /CN=${name}`)
      const issued = `-in ${name}.csr -extfile ${name}.ext -out ${name}.crt -days 2`
      await openssl(`x509 -req -CA ca.crt -CAkey ca.key -CAcreateserial ${issued}`)
      return { cert: await read(`${name}.crt`), key: await read(`${name}.key`) }
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  }
}
