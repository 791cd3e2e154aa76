import { sparkline } from './charts.js'
import {
  button,
  byId,
  compare,
  element,
  ms,
  number,
  percent,
  row,
  Rows,
  setText,
  success,
} from './elements.js'
import { cut, setName, titleOf } from './names.js'

/** How many entries of the history decide the order of services, so that rows do not move every second. */
const RECENT = 10

const usableOf = ({ instances }) => instances.filter(({ state }) => state === 'available').length

/** Returns the number of recently failed calls, plus one for each other problem. */
function troubleOf(service, { entries }) {
  const { ready, stale } = service
  const calls = entries.slice(-RECENT).reduce((sum, { failed, refused }) => sum + failed + refused, 0)
  return calls + (!ready || stale ? 1 : 0) + (usableOf(service) === 0 ? 1 : 0)
}

/** Describes whether the list of instances is up to date. */
function registryOf({ ready, stale, sourceError }) {
  const why = sourceError ? `: ${sourceError}` : ''
  if (!ready) return `no answer yet${why}`
  return stale ? `fails, old list in use${why}` : 'up to date'
}

export class Overview {
  #rows
  #onPick

  constructor(onPick) {
    this.#onPick = onPick
    this.#rows = new Rows(byId('services').tBodies[0], ({ name }) => {
      const made = row(11)
      const link = button(cut(name), 'link', () => this.#onPick(name))
      link.title = titleOf(name)
      made.cells[0].append(link)
      made.cells[10].append(element('canvas', undefined, 'spark'))
      return made
    })
  }

  show(services, historyOf, picked) {
    const sparklines = []
    byId('no-services').hidden = services.length > 0
    const trouble = new Map(services.map((each) => [each, troubleOf(each, historyOf(each.name))]))
    this.#rows.show(
      services.toSorted((a, b) => trouble.get(b) - trouble.get(a) || compare(a.name, b.name)),
      ({ name }) => name,
      (made, service) => {
        const { name, calls, failed, p50, p99, retries, hedges, refused, instances, ready, stale } = service
        const { cells } = made
        made.setAttribute('aria-current', String(name === picked))
        const usable = usableOf(service)
        setText(
          cells[1],
          instances.length === 0 ? 'none known' : `${usable} of ${instances.length} in use`,
          usable === 0 ? 'out' : usable === instances.length ? 'good' : 'doubt',
        )
        const figures = [
          number(calls),
          success(calls - failed, calls),
          ms(p50),
          ms(p99),
          number(retries),
          number(hedges),
          number(refused),
        ]
        figures.forEach((text, index) => setText(cells[index + 2], text, 'number'))
        cells[3].className = `number ${failed === 0 ? '' : failed > calls / 10 ? 'out' : 'doubt'}`
        cells[9].className = !ready || stale ? 'doubt' : 'good'
        setName(cells[9], registryOf(service), 40)
        sparklines.push([cells[10].firstChild, historyOf(name)])
      },
    )
    // After all text: reading the size of a canvas forces a layout, which is then needed only once.
    for (const [canvas, history] of sparklines) sparkline(canvas, history)
  }
}

export class Routes {
  #rows
  #gauges = new Rows(byId('gauges'), () => {
    const made = element('p')
    made.append(element('meter'), ' ', element('span'))
    return made
  })
  #mirrors = new Rows(byId('mirrors'), () => element('p'))

  constructor(onPick) {
    this.#rows = new Rows(byId('routes').tBodies[0], ({ key }) => {
      const made = row(5)
      const link = button(cut(key), 'link', () => onPick(key))
      link.title = titleOf(key)
      made.cells[0].append(link)
      return made
    })
  }

  /** Also shows routes that were called in the last minutes, but not in the last second. */
  show({ routes, budget, limits, mirrors }, history) {
    const called = new Set(routes.map(({ key }) => key))
    const quiet = [...history.routes.keys()].filter((key) => !called.has(key))
    const all = [...routes, ...quiet.map((key) => ({ key, calls: 0, failed: 0 }))]
    byId('no-routes').hidden = all.length > 0
    byId('routes').parentElement.hidden = all.length === 0
    this.#rows.show(
      all.toSorted((a, b) => compare(a.key, b.key)),
      ({ key }) => key,
      ({ cells }, { calls, failed, p50, p99 }) => {
        const figures = [number(calls), number(failed), ms(p50), ms(p99)]
        figures.forEach((text, index) => setText(cells[index + 1], text, 'number'))
      },
    )
    setText(byId('budget'), `Retry budget: ${number(budget)} more retries or hedges may be sent now.`)
    this.#gauges.show(
      limits,
      ({ name }) => name,
      ({ children: [meter, text] }, { name, limit, inFlight, queued }) => {
        const of = `Limit of ${cut(name)}`
        Object.assign(meter, { max: Math.max(limit, 1), high: limit * 0.8, value: inFlight, ariaLabel: of })
        text.title = titleOf(name)
        setText(text, `${of}: ${inFlight} of ${number(limit)} in flight, ${queued} waiting.`)
      },
    )
    this.#mirrors.show(
      mirrors,
      ({ name }) => name,
      (line, mirror) => {
        const { name, to, share, instances: many, sent, failed, dropped, inFlight } = mirror
        line.title = titleOf(name)
        const where = `${cut(to)} (${many} ${many === 1 ? 'instance' : 'instances'})`
        const what = `Mirror of ${cut(name)}: ${percent(share, 1)} of its requests to ${where}`
        const ends = `${number(failed)} failed, ${number(dropped)} dropped`
        setText(line, `${what}. ${number(sent)} copies sent, ${inFlight} under way, ${ends}.`)
      },
    )
  }
}
