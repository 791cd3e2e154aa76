/** The other side: plain fetch with round robin over a list of servers, as it is often written. */
export function createPlain(urls: readonly string[]): (id: number) => Promise<boolean> {
  let next = 0
  return async (id) => {
    const url = urls[next++ % urls.length]
    const response = await fetch(`${url}/users/${id}`, { signal: AbortSignal.timeout(2_000) })
    await response.text()
    return response.ok
  }
}
