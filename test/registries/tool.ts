import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { findBinary, type TestServer } from '../support/servers/index.ts'

const run = promisify(execFile)

/** Runs a command-line tool that reads no input: writing to one that has ended already would be an error. */
export async function tool(
  name: string,
  args: readonly string[],
  { env }: Pick<TestServer, 'env'>,
): Promise<string> {
  const options = { env: { ...process.env, ...env }, timeout: 30_000 }
  return (await run(findBinary(name), [...args], options)).stdout
}
