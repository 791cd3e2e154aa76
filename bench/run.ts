import { readdir } from 'node:fs/promises'
import { loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { installPeers, peerVersions } from './peers/install.ts'
import { machine, outcome, goal, table } from './harness/report.ts'
import { compare, type Result } from './harness/results.ts'
import { runRow } from './harness/rounds.ts'
import type { Row } from './harness/row.ts'

const { values, positionals } = parseArgs({ options: { json: { type: 'boolean' } }, allowPositionals: true })
const say = (line: string): boolean => process.stderr.write(`${line}\n`)

installPeers()
const rows = new URL('rows/', import.meta.url)
const names = (await readdir(rows)).filter(
  (name) => positionals.length === 0 || positionals.some((wanted) => name.startsWith(wanted)),
)
const before = loadavg()[0] ?? 0
const began = performance.now()
const results: Result[] = []
for (const name of names.toSorted()) {
  const file = new URL(name, rows)
  const { row } = (await import(file.href)) as { row: Row }
  const compared = compare(row, await runRow(file, row))
  results.push(...compared)
  const seconds = Math.round((performance.now() - began) / 1000)
  for (const result of compared)
    say(`${seconds} s  ${row.title}: ${result.name}: ${outcome(result)}, target ${goal(result)}`)
}

const about = machine(before)
const versions = peerVersions()
if (values.json) {
  console.log(JSON.stringify({ machine: about, peers: versions, results }, undefined, 2))
} else {
  console.log(`\n${table(results)}\n`)
  console.log(
    `${about.cpu}, ${about.cores} cores, ${about.system}, Node ${about.node}; load ${about.load.join(' to ')}`,
  )
  console.log(
    Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(', '),
  )
}
