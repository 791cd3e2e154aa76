const warned = new WeakSet<object>()

/** One process warning about a function of the user's that breaks: it must not break calls, nor fill the log. */
export function warnOnce(subject: object, message: string, code: string): void {
  if (warned.has(subject)) return
  warned.add(subject)
  process.emitWarning(message, { code })
}
