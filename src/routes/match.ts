import { quote } from '../options.ts'
import { canonicalPath, plainEnd } from './canonical.ts'
import { parseRouteKey, type RouteKey } from './key.ts'

/** A route of a table, with what the table holds for it. */
export interface RouteMatch<T> extends RouteKey {
  readonly value: T
}

class Node<T> {
  /** Static text that every route below has next, `'/api/v1/'`: compared at once. */
  prefix = ''
  statics: Map<string, Node<T>> = new Map()
  param: Node<T> | undefined = undefined
  rest: RouteMatch<T> | undefined = undefined
  /** The route that ends here. */
  route: RouteMatch<T> | undefined = undefined

  /** The static child for a text, created when it is not there yet. */
  fixed(text: string): Node<T> {
    let node = this.statics.get(text)
    if (!node) this.statics.set(text, (node = new Node()))
    return node
  }

  /** Draws chains of lone static children into `prefix`, here and below, once the trie is complete. */
  compress(): void {
    this.param?.compress()
    for (const child of this.statics.values()) child.compress()
    const [only, second] = this.statics
    if (!only || second || this.param || this.rest || only[1].route) return
    const [text, child] = only
    this.prefix = `${text}/${child.prefix}`
    this.statics = child.statics
    this.param = child.param
    this.rest = child.rest
  }
}

function insert<T>(root: Node<T>, route: RouteMatch<T>): void {
  let node = root
  for (const segment of route.segments) {
    if (segment.kind === 'rest') {
      node.rest = prefer(route, node.rest)
      return
    }
    node = segment.kind === 'param' ? (node.param ??= new Node()) : node.fixed(segment.text)
  }
  node.route = prefer(route, node.route)
}

/** Of two routes for the same paths, the one for an exact method. */
function prefer<T>(route: RouteMatch<T>, taken: RouteMatch<T> | undefined): RouteMatch<T> {
  if (taken?.method === route.method) {
    throw new TypeError(`route ${quote(route.key)} matches the same requests as ${quote(taken.key)}`)
  }
  return taken && route.method === '*' ? taken : route
}

/**
 * Finds the route of a request in a segment trie. At each segment static text goes before `{param}`, and
 * `{param}` before `/**`; between routes for the same paths the exact method goes before any method. A
 * branch that fails later falls back to the next, visiting no node twice.
 *
 * @example
 * const table = new RouteTable([['GET /users/{id}', 1], ['/users/**', 2]])
 * table.match('GET', '/users/42?full=1')?.value // 1
 * table.match('PUT', '/users/42')?.key // '/users/**'
 */
export class RouteTable<T> {
  /** A trie for each method, which also holds the routes for any method, and one under '*' for the rest. */
  readonly #tries: Map<string, Node<T>> = new Map()
  readonly #any: Node<T>

  constructor(entries: Iterable<readonly [key: string, value: T]>) {
    const routes = Array.from(entries, ([key, value]) => Object.freeze({ ...parseRouteKey(key), value }))
    const plant = (method: string): Node<T> => {
      const root = new Node<T>()
      for (const route of routes) if (route.method === '*' || route.method === method) insert(root, route)
      root.compress()
      root.prefix = `/${root.prefix}`
      return root
    }
    this.#any = plant('*')
    for (const { method } of routes) if (!this.#tries.has(method)) this.#tries.set(method, plant(method))
  }

  /** The route for a method and a request path; a query or fragment is ignored. Allocates no result. */
  match(method: string, path: string): RouteMatch<T> | undefined {
    const trie = this.#tries.get(method) ?? this.#tries.get(method.toUpperCase()) ?? this.#any
    // A route's own text is canonical.
    const known = path.startsWith(trie.prefix) ? trie.prefix.length : 0
    const end = plainEnd(path, known)
    if (end < 0) return find(trie, canonicalPath(path), 0)
    const plain = end === path.length ? path : path.slice(0, end)
    return known > 0 ? below(trie, plain, known) : undefined
  }
}

/** `path` is canonical, and what follows `start` chooses between the routes of `node`. */
function find<T>(node: Node<T>, path: string, start: number): RouteMatch<T> | undefined {
  if (node.prefix !== '' && !path.startsWith(node.prefix, start)) return undefined
  return below(node, path, start + node.prefix.length)
}

/** The same, past its prefix. */
function below<T>(node: Node<T>, path: string, begin: number): RouteMatch<T> | undefined {
  const slash = path.indexOf('/', begin)
  const end = slash < 0 ? path.length : slash
  let found: RouteMatch<T> | undefined
  if (node.statics.size > 0) {
    const child = node.statics.get(path.slice(begin, end))
    if (child) found = slash < 0 ? child.route : find(child, path, end + 1)
  }
  if (!found && node.param && end > begin) {
    found = slash < 0 ? node.param.route : find(node.param, path, end + 1)
  }
  return found ?? node.rest
}
