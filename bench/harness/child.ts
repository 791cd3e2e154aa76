import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'

const FLAGS = ['--expose-gc', '--disable-warning=ExperimentalWarning']

/** A child process of the benchmark that answers messages, one at a time. */
export class Child implements AsyncDisposable {
  readonly #process: ChildProcess

  constructor(file: URL, args: readonly string[], flags: readonly string[] = []) {
    this.#process = fork(file, args, { execArgv: [...FLAGS, ...flags], serialization: 'advanced' })
  }

  get pid(): number | undefined {
    return this.#process.pid
  }

  send(message: string | object): void {
    this.#process.send(message)
  }

  /** Returns its next message. Rejects if the process ends before that. */
  async message(): Promise<unknown> {
    const given = new AbortController()
    const died = once(this.#process, 'exit', { signal: given.signal }).then(([code, signal]) => {
      throw new Error(`a child process of the benchmark ended with ${String(code ?? signal)}`)
    })
    try {
      const [message] = (await Promise.race([
        once(this.#process, 'message', { signal: given.signal }),
        died,
      ])) as unknown[]
      return message
    } finally {
      given.abort()
      died.catch(() => {})
    }
  }

  kill(): void {
    this.#process.kill('SIGKILL')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return
    const gone = once(this.#process, 'exit')
    this.kill()
    await gone
  }
}
