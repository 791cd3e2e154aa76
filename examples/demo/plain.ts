/** The other side: plain fetch and round robin over a list of servers, as it is so often written. */
export function createPlain(urls: readonly string[]): (id: number) => Promise<boolean> {
  let next = 0
  return async (id) => {
    const url = urls[next++ % urls.length]
    const response = await fetch(`${url}/users/${id}`, { signal: AbortSignal.timeout(2_000) })
    await response.text()
    return response.ok
  }
}
