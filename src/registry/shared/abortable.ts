/** Rejects as soon as `signal` aborts. undici ignores an abort while it connects. */
export function abortable<T>(signal: AbortSignal, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted()
    const onAbort = (): void => reject(signal.reason as Error)
    signal.addEventListener('abort', onAbort, { once: true })
    const settled = (): void => signal.removeEventListener('abort', onAbort)
    // A listener that is not removed would keep the response in memory as long as the watch lasts.
    run(signal).then(resolve, reject).finally(settled)
  })
}
