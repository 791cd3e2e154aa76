/** undici does not hear an abort while it connects. */
export function abortable<T>(signal: AbortSignal, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted()
    const onAbort = (): void => reject(signal.reason as Error)
    signal.addEventListener('abort', onAbort, { once: true })
    const settled = (): void => signal.removeEventListener('abort', onAbort)
    // A listener left behind would keep the signal, and with it the answer, for as long as the watch lasts.
    run(signal).then(resolve, reject).finally(settled)
  })
}
