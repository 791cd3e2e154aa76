import { cp } from 'node:fs/promises'
import { build } from 'rolldown'
import manifest from '../package.json' with { type: 'json' }

/** One entry point for each export that has code, under the name its export says. */
const input: Record<string, string> = {}
for (const target of Object.values(manifest.exports)) {
  if (typeof target !== 'string')
    input[target.default.slice('./dist/'.length, -'.js'.length)] = target['@outrigger/source']
}

/**
 * A handful of files instead of two hundred: most of what importing Outrigger costs beside undici was to find and
 * compile modules one by one. Names and line breaks stay, so that stack traces can be read.
 */
await build({
  input,
  platform: 'node',
  external: /^[^./]/,
  output: {
    dir: 'dist',
    sourcemap: true,
    chunkFileNames: 'shared/[name].js',
    codeSplitting: {
      groups: [
        // Alone: what a file imports is evaluated before the file itself, and the guard must be before undici.
        { name: 'undici-guard', test: /undici-guard/, priority: 1 },
        { name: 'core', test: /src/, minShareCount: 2 },
      ],
    },
  },
})

// The files of the dashboard's page, beside the entry that reads them.
await cp('src/dashboard/page', 'dist/page', { recursive: true })
