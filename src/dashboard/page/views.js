import { sparkline } from './charts.js'
import { button, byId, element, ms, number, percent, row, Rows, setText } from './elements.js'
import { cut, setName, titleOf } from './names.js'

/** The worst first: what fails, then what is slow, then by name. */
function byTrouble(a, b) {
  const trouble = ({ failed, refused, stale }) => failed + refused + (stale ? 1 : 0)
  return trouble(b) - trouble(a) || a.name.localeCompare(b.name)
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
    this.#rows.show(
      services.toSorted(byTrouble),
      ({ name }) => name,
      (made, service) => {
        const {
          name,
          calls,
          failed,
          p50,
          p99,
          retries,
          hedges,
          refused,
          instances,
          ready,
          stale,
          sourceError,
        } = service
        const { cells } = made
        made.setAttribute('aria-current', String(name === picked))
        const usable = instances.filter(({ state }) => state === 'available').length
        setText(
          cells[1],
          `${usable} of ${instances.length} in use`,
          usable === instances.length ? 'good' : usable === 0 ? 'out' : 'doubt',
        )
        const figures = [
          number(calls),
          percent(calls - failed, calls),
          ms(p50),
          ms(p99),
          number(retries),
          number(hedges),
          number(refused),
        ]
        figures.forEach((text, index) => setText(cells[index + 2], text, 'number'))
        cells[3].className = `number ${failed === 0 ? '' : failed > calls / 10 ? 'out' : 'doubt'}`
        cells[9].className = !ready || stale ? 'doubt' : 'good'
        setName(cells[9], !ready ? 'not yet known' : stale ? `stale: ${sourceError ?? ''}` : 'fresh', 40)
        sparklines.push([cells[10].firstChild, historyOf(name)])
      },
    )
    // After all text: the size of each is asked for, and the browser need not lay out the page for each.
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

  constructor(onPick) {
    this.#rows = new Rows(byId('routes').tBodies[0], ({ key }) => {
      const made = row(5)
      const link = button(cut(key), 'link', () => onPick(key))
      link.title = titleOf(key)
      made.cells[0].append(link)
      return made
    })
  }

  show({ routes, budget, limits }) {
    this.#rows.show(
      routes.toSorted((a, b) => b.calls - a.calls),
      ({ key }) => key,
      ({ cells }, { calls, failed, p50, p99 }) => {
        const figures = [number(calls), number(failed), ms(p50), ms(p99)]
        figures.forEach((text, index) => setText(cells[index + 1], text, 'number'))
      },
    )
    setText(byId('budget'), `Retries and hedges that may be made now: ${number(budget)}.`)
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
  }
}
