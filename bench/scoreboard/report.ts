import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { formatted } from '../../scripts/format.ts'
import { chart } from './chart.ts'
import { chapter } from './markdown.ts'
import { overall } from './overall.ts'
import type { Result } from './result.ts'

const DOCS = fileURLToPath(new URL('../../docs/', import.meta.url))

/** The end of the report. */
const ADVICE = `## Do and don't

- Do keep peak EWMA, the default, when servers can become slow or fail.
- Do use \`prequal()\` when your servers report their load, and many clients share them.
- Do keep the budget. Without it, retries multiply the load of a service that fails.
- Don't use \`leastRequest()\` without a breaker. A server that fails fast attracts nearly all requests.
- Don't set \`whenAllOpen: 'refuse'\` for a service with one instance. Short incidents then last longer.`

/** The files of the report, by absolute path. */
export async function render(
  results: readonly Result[],
  seeds: number,
): Promise<ReadonlyMap<string, string>> {
  const path = `${DOCS}scoreboard.md`
  const markdown = [overall(results, seeds), ...results.map(chapter), ADVICE].join('\n\n')
  const files = new Map([[path, await formatted(path, markdown)]])
  for (const { scenario, rows } of results) {
    const series = rows
      .filter(({ variant }) => variant.chart)
      .map(({ variant, points }) => ({ name: variant.name, points }))
    if (series.length > 0) files.set(`${DOCS}scoreboard/${scenario.id}.svg`, chart(scenario.title, series))
  }
  return files
}

export async function write(files: ReadonlyMap<string, string>): Promise<void> {
  for (const [path, content] of files) {
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, content)
  }
}

/** Returns a line for each file that differs from the one on disk, with the first lines that differ. */
export async function differences(files: ReadonlyMap<string, string>): Promise<readonly string[]> {
  const found: string[] = []
  for (const [path, content] of files) {
    const old = (await readFile(path, 'utf8').catch(() => '')).split('\n')
    const line = content.split('\n').findIndex((each, index) => each !== old[index])
    if (line < 0 && old.length === content.split('\n').length) continue
    found.push(`${path}:${line + 1}\n- ${old[line] ?? ''}\n+ ${content.split('\n')[line] ?? ''}`)
  }
  return found
}
