import { fileURLToPath } from 'node:url'
import { defineConfig, type ViteUserConfig } from 'vitest/config'

// undici's keep-alive hangs when setImmediate is faked.
const fakeTimers = { toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'] } as const

const config: ViteUserConfig = defineConfig({
  ssr: { resolve: { conditions: ['@outrigger/source', 'node', 'import', 'default'] } },
  test: {
    fakeTimers: { toFake: [...fakeTimers.toFake] },
    projects: [
      {
        extends: true,
        // Files share their worker's module graph: loading the library again for each file took half of the time.
        // A test that changes a global puts it back, or runs in a child process (test/support/child.ts).
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/registries/**', 'test/dashboard-browser/**'],
          isolate: false,
          // Most of the time is waiting for servers and child processes, so more files than cores run at a time.
          maxWorkers: 4,
          // Child processes import the sources: compiled once, they start in a third of the time.
          env: { NODE_COMPILE_CACHE: fileURLToPath(new URL('.cache/compiled', import.meta.url)) },
          // A machine that is busy with other things is no failure.
          testTimeout: 20_000,
          hookTimeout: 30_000,
          expect: { poll: { timeout: 15_000, interval: 5 } },
        },
      },
      {
        extends: true,
        // Each file starts servers of its own, which need the machine's cores.
        test: {
          name: 'registries',
          include: ['test/registries/**/*.test.ts'],
          fileParallelism: false,
          testTimeout: 60_000,
        },
      },
      {
        extends: true,
        // Debian's Chromium, driven by playwright-core: one at a time, for it needs the machine's cores.
        test: {
          name: 'dashboard',
          include: ['test/dashboard-browser/**/*.test.ts'],
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
})

export default config
