// The pages of the site: those of `docs/`, by links, and the API reference, made from the sources.
import { mkdirSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { writeReference } from './reference/main.ts'

const content = new URL('./content/', import.meta.url)

rmSync(content, { recursive: true, force: true })
mkdirSync(content)
for (const name of readdirSync(new URL('../docs/', import.meta.url)))
  symlinkSync(`../../docs/${name}`, new URL(name, content))
await writeReference(content)
