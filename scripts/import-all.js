// Imports every entry point that the installed package declares, and says what each exports.
import { readFile } from 'node:fs/promises'

const { exports } = JSON.parse(await readFile('node_modules/outrigger/package.json', 'utf8'))
for (const path of Object.keys(exports)) {
  if (path.endsWith('.json')) continue
  const names = Object.keys(await import(`outrigger${path.slice(1)}`))
  console.log(`node ${process.versions.node}: outrigger${path.slice(1)} exports ${names.length} names`)
}
