/** Returns path and query. Keeps a question mark without a query, which `search` omits. */
export function pathOf({ pathname, search, href }: URL): string {
  return pathname + (search || (/^[^#]*\?(?:#|$)/.test(href) ? '?' : ''))
}
