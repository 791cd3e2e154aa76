import { RouteTable } from '../harness/internals.ts'
import type { Row } from '../harness/row.ts'
import { load } from '../peers/load.ts'

/** An API of a hundred resources with five routes each. */
const resources = Array.from({ length: 100 }, (_, index) => `/api/v1/resource-${index}`)
const shapes = [
  ['GET', ''],
  ['POST', ''],
  ['GET', '/{id}'],
  ['PUT', '/{id}'],
  ['GET', '/{id}/items/{item}'],
] as const
const routes = resources.flatMap((path) => shapes.map(([method, tail]) => [method, path + tail] as const))
const requests = routes.map(([method, path]) => [method, path.replaceAll(/\{\w+\}/g, '8f14e45f')] as const)

export const row: Row = {
  title: 'match 500 routes',
  variants: {
    outrigger: () => {
      const table = new RouteTable(routes.map(([method, path]) => [`${method} ${path}`, path]))
      return (ops) => {
        for (let op = 0; op < ops; op++) {
          const [method, path] = requests[op % requests.length] ?? ['', '']
          if (!table.match(method, path)) throw new Error(path)
        }
      }
    },
    'find-my-way': async () => {
      const { default: findMyWay } = await load('find-my-way')
      const router = findMyWay()
      for (const [method, path] of routes) router.on(method, path.replaceAll(/\{(\w+)\}/g, ':$1'), () => {})
      return (ops) => {
        for (let op = 0; op < ops; op++) {
          const [method, path] = requests[op % requests.length] ?? ['', '']
          if (!router.find(method, path)) throw new Error(path)
        }
      }
    },
  },
  comparisons: [
    {
      name: 'to find-my-way',
      subject: 'outrigger',
      base: 'find-my-way',
      measure: 'ns',
      unit: 'ns',
      target: 1,
    },
  ],
}
