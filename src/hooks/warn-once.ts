const warned = new WeakSet<object>()

/**
 * Emits one process warning per subject about a user function that fails. It never throws, and does not fill the log.
 */
export function warnOnce(subject: object, message: string, code: string): void {
  if (warned.has(subject)) return
  warned.add(subject)
  process.emitWarning(message, { code })
}
