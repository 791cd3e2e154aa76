import { sparkline } from './charts.js'
import { button, byId, element, ms, number, percent, Rows, setText, toneOf } from './elements.js'

/** Rows of instances that are drawn; more would be too much to read, and to draw ten times a second. */
const MOST_INSTANCES = 200
const MOST_LINES = 500

function row(cells) {
  const made = document.createElement('tr')
  for (let cell = 0; cell < cells; cell++) made.append(document.createElement('td'))
  return made
}

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
      made.cells[0].append(button(name, 'link', () => this.#onPick(name)))
      made.cells[10].append(element('canvas', undefined, 'spark'))
      return made
    })
  }

  show(services, historyOf, picked) {
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
        setText(
          cells[9],
          !ready ? 'not yet known' : stale ? `stale: ${sourceError ?? ''}`.slice(0, 80) : 'fresh',
          !ready || stale ? 'doubt' : 'good',
        )
        sparkline(cells[10].firstChild, historyOf(name))
      },
    )
  }
}

/** The worst first; each stays where it is while its state does. */
const ORDER = ['open', 'unhealthy', 'probing', 'paused', 'full', 'draining', 'available']
const byState = (a, b) =>
  ORDER.indexOf(a.state) - ORDER.indexOf(b.state) || a.id.localeCompare(b.id, 'en', { numeric: true })

export class Instances {
  #rows
  #act

  constructor(act, onFilter) {
    this.#act = act
    byId('find').addEventListener('input', onFilter)
    this.#rows = new Rows(byId('instances').tBodies[0], (instance) => this.#make(instance))
  }

  show(instances) {
    const total = instances.reduce((sum, { calls }) => sum + calls, 0)
    const wanted = byId('find').value.trim().toLowerCase()
    const found = instances.filter(({ id, state, zone = '', version = '' }) =>
      `${id} ${state} ${zone} ${version}`.toLowerCase().includes(wanted),
    )
    this.#rows.show(
      found.toSorted(byState).slice(0, MOST_INSTANCES),
      ({ id }) => id,
      (made, instance) => {
        const { cells } = made
        const {
          state,
          why,
          calls,
          failed,
          p50,
          p99,
          inFlight,
          queued,
          weight,
          zone = '',
          version = '',
          byHand,
        } = instance
        cells[0].title = instance.url
        setText(cells[1], byHand ? `${state}, by hand` : state, `state ${toneOf(state)}`)
        setText(cells[2], why, 'why')
        const figures = [
          percent(calls, total),
          number(calls),
          number(failed),
          ms(p50),
          ms(p99),
          number(inFlight),
          number(queued),
          number(weight, 2),
        ]
        figures.forEach((text, index) => setText(cells[index + 3], text, 'number'))
        setText(cells[11], zone)
        setText(cells[12], version)
      },
    )
    const hidden = found.length - MOST_INSTANCES
    setText(
      byId('more'),
      hidden > 0 ? `The worst ${MOST_INSTANCES}; find one of the ${hidden} others by its name.` : '',
    )
  }

  #make({ id }) {
    const made = row(14)
    setText(made.cells[0], id)
    made.cells[13].className = 'act'
    for (const action of ['isolate', 'drain', 'weigh', 'restore']) {
      const label = button(action, '', () => this.#act(action, id))
      label.setAttribute('aria-label', `${action} ${id}`)
      made.cells[13].append(label, ' ')
    }
    return made
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
      made.cells[0].append(button(key, 'link', () => onPick(key)))
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
        const of = `Limit of ${name}`
        Object.assign(meter, { max: Math.max(limit, 1), high: limit * 0.8, value: inFlight, ariaLabel: of })
        setText(text, `${of}: ${inFlight} of ${number(limit)} in flight, ${queued} waiting.`)
      },
    )
  }
}

/** How bad a line is. */
const TONES = {
  'breaker:open': 'out',
  'instance:ejected': 'out',
  'instance:unhealthy': 'out',
  'source:stale': 'out',
  'call:rejected': 'out',
  'breaker:half-open': 'doubt',
  'instance:paused': 'doubt',
  'breaker:close': 'good',
  'instance:added': 'good',
  'instance:healthy': 'good',
  'source:recovered': 'good',
}

export class Log {
  #lines = []
  #filter = ''
  #isOld = false
  #onPick

  constructor(onPick) {
    this.#onPick = onPick
    const { elements } = byId('filter')
    const onInput = () => {
      this.#filter = elements.text.value.trim().toLowerCase()
      this.#isOld = true
      this.show()
    }
    elements.text.addEventListener('input', onInput)
    byId('filter').addEventListener('submit', (event) => event.preventDefault())
  }

  add({ lines, dropped, at }) {
    if (lines.length === 0 && dropped === 0) return
    for (const line of lines) this.#lines.push(line)
    if (dropped > 0)
      this.#lines.push({ at, kind: 'log', service: '', text: `${dropped} more lines were left out` })
    this.#lines.splice(0, this.#lines.length - MOST_LINES)
    this.#isOld = true
  }

  show() {
    if (!this.#isOld) return
    this.#isOld = false
    const shown = this.#lines.filter(({ kind, service, instance = '', text }) =>
      `${kind} ${service} ${instance} ${text}`.toLowerCase().includes(this.#filter),
    )
    byId('log').replaceChildren(
      ...shown.toReversed().map(({ at, service, kind, text }) => {
        const line = element('li')
        const time = new Date(at).toLocaleTimeString('en-GB')
        const moment = button(time, 'link', () => this.#onPick(service, at))
        moment.setAttribute('aria-label', `${time}, show it in the charts`)
        line.append(service ? moment : time, ' ', element('b', kind, TONES[kind] ?? 'quiet'))
        line.append(` ${text.replace(`${service} ${kind}`, service)}`)
        return line
      }),
    )
  }
}
