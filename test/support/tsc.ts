import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** What tsc prints, run in the root of the repository: nothing when all is well. */
export async function tsc(...args: string[]): Promise<string> {
  const program = ['node_modules/typescript/bin/tsc', ...args]
  try {
    return (await promisify(execFile)(process.execPath, program, { cwd: root })).stdout
  } catch (error) {
    return (error as { stdout: string }).stdout
  }
}

/** Writes the declarations, which are what users see of the sources, into a folder below the root. */
export async function emitDeclarations(folder: string): Promise<void> {
  const options = ['--emitDeclarationOnly', '--declarationMap', 'false']
  await tsc('-p', 'tsconfig.build.json', ...options, '--outDir', folder)
}
