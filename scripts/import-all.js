// Imports every entry point that the installed package declares, and prints how many names each exports.
import { readFile } from 'node:fs/promises'

// The platform's fetch must still use the platform's dispatcher.
const slot = Symbol.for('undici.globalDispatcher.1')
void globalThis.Response
const platforms = globalThis[slot]

const { exports } = JSON.parse(await readFile('node_modules/outrigger/package.json', 'utf8'))
for (const path of Object.keys(exports)) {
  if (path.endsWith('.json')) continue
  const names = Object.keys(await import(`outrigger${path.slice(1)}`))
  if (globalThis[slot] !== platforms) throw new Error(`outrigger${path.slice(1)} took the global dispatcher`)
  console.log(`node ${process.versions.node}: outrigger${path.slice(1)} exports ${names.length} names`)
}
