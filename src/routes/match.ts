import { quote } from '../options.ts'
import { canonicalPath, plainEnd } from './canonical.ts'
import { parseRouteKey, type RouteKey } from './key.ts'

/** A route and its value in the table. */
export interface RouteMatch<T> extends RouteKey {
  readonly value: T
}

class Node<T> {
  /** Static text that all routes below this node begin with, such as `'/api/v1/'`. It is compared in one step. */
  prefix = ''
  statics: Map<string, Node<T>> = new Map()
  param: Node<T> | undefined = undefined
  rest: RouteMatch<T> | undefined = undefined
  /** The route that ends at this node. */
  route: RouteMatch<T> | undefined = undefined

  /** Returns the static child for a segment. Creates it if it does not exist. */
  staticChild(text: string): Node<T> {
    let node = this.statics.get(text)
    if (!node) this.statics.set(text, (node = new Node()))
    return node
  }

  /**
   * Joins each chain of single static children into one `prefix`, in this node and below. Called when the trie is
   * complete.
   */
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
    node = segment.kind === 'param' ? (node.param ??= new Node()) : node.staticChild(segment.text)
  }
  node.route = prefer(route, node.route)
}

/** Of two routes for the same paths, returns the one with an exact method. */
function prefer<T>(route: RouteMatch<T>, taken: RouteMatch<T> | undefined): RouteMatch<T> {
  if (taken?.method === route.method) {
    throw new TypeError(`route ${quote(route.key)} matches the same requests as ${quote(taken.key)}`)
  }
  return taken && route.method === '*' ? taken : route
}

/**
 * Finds the route of a request in a trie of path segments. In each segment, static text has priority over `{param}`,
 * and `{param}` over `/**`. Of two routes for the same paths, an exact method has priority over any method. If a branch
 * fails later, the search goes back to the next branch. It visits no node twice.
 *
 * @example
 * const table = new RouteTable([['GET /users/{id}', 1], ['/users/**', 2]])
 * table.match('GET', '/users/42?full=1')?.value // 1
 * table.match('PUT', '/users/42')?.key // '/users/**'
 */
export class RouteTable<T> {
  /**
   * One trie for each method, which also contains the routes for any method, and one under '*' for all other methods.
   */
  readonly #tries: Map<string, Node<T>> = new Map()
  readonly #any: Node<T>

  constructor(entries: Iterable<readonly [key: string, value: T]>) {
    const routes = Array.from(entries, ([key, value]) => Object.freeze({ ...parseRouteKey(key), value }))
    const buildTrie = (method: string): Node<T> => {
      const root = new Node<T>()
      for (const route of routes) if (route.method === '*' || route.method === method) insert(root, route)
      root.compress()
      root.prefix = `/${root.prefix}`
      return root
    }
    this.#any = buildTrie('*')
    for (const { method } of routes) if (!this.#tries.has(method)) this.#tries.set(method, buildTrie(method))
  }

  /** Returns the route for a method and a request path. It ignores a query or fragment, and creates no objects. */
  match(method: string, path: string): RouteMatch<T> | undefined {
    const trie = this.#tries.get(method) ?? this.#tries.get(method.toUpperCase()) ?? this.#any
    // The text of a route is already canonical.
    const known = path.startsWith(trie.prefix) ? trie.prefix.length : 0
    const end = plainEnd(path, known)
    if (end < 0) return searchNode(trie, canonicalPath(path), 0)
    const plain = end === path.length ? path : path.slice(0, end)
    return known > 0 ? searchAfterPrefix(trie, plain, known) : undefined
  }
}

/** Searches the routes below `node`. `path` is canonical, and its part before `start` has already been compared. */
function searchNode<T>(node: Node<T>, path: string, start: number): RouteMatch<T> | undefined {
  if (node.prefix !== '' && !path.startsWith(node.prefix, start)) return undefined
  return searchAfterPrefix(node, path, start + node.prefix.length)
}

/** Searches like `searchNode`, after the prefix of `node`. */
function searchAfterPrefix<T>(node: Node<T>, path: string, begin: number): RouteMatch<T> | undefined {
  const slash = path.indexOf('/', begin)
  const end = slash < 0 ? path.length : slash
  let found: RouteMatch<T> | undefined
  if (node.statics.size > 0) {
    const child = node.statics.get(path.slice(begin, end))
    if (child) found = slash < 0 ? child.route : searchNode(child, path, end + 1)
  }
  if (!found && node.param && end > begin) {
    found = slash < 0 ? node.param.route : searchNode(node.param, path, end + 1)
  }
  return found ?? node.rest
}
