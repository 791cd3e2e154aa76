import { cp } from 'node:fs/promises'
import { build } from 'rolldown'
import manifest from '../package.json' with { type: 'json' }

/** One entry point for each export that has code, with the name of the export. */
const input: Record<string, string> = {}
for (const target of Object.values(manifest.exports)) {
  if (typeof target !== 'string')
    input[target.default.slice('./dist/'.length, -'.js'.length)] = target['@outrigger/source']
}

/**
 * A few files instead of two hundred. Most of the time to import Outrigger, besides undici, was spent on finding and
 * compiling modules one by one. Names and line breaks are kept, so that stack traces stay readable.
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
        // A separate file: a file's imports are evaluated before the file itself, and the guard must run before undici.
        { name: 'undici-guard', test: /undici-guard/, priority: 1 },
        { name: 'core', test: /src/, minShareCount: 2 },
      ],
    },
  },
})

// The files of the dashboard's page, next to the entry that reads them.
await cp('src/dashboard/page', 'dist/page', { recursive: true })
