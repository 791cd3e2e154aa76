/** Path and query. A question mark without a query is part of it, though `search` leaves it out. */
export function pathOf({ pathname, search, href }: URL): string {
  return pathname + (search || (/^[^#]*\?(?:#|$)/.test(href) ? '?' : ''))
}
