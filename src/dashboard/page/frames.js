/** The services as the process tells of them, put together from frames that have only what has changed. */
export class Frames {
  /** Of the last frame that was news. */
  id = 0
  at
  #run
  #services = new Map()

  get services() {
    return [...this.#services.values()]
  }

  /** Takes a frame, and says whether it is news: a page that comes back is told of some that it had. */
  add(id, { at, whole, services, gone = [] }) {
    if (whole !== undefined) {
      this.#services = new Map()
      if (whole !== this.#run) this.id = 0
      this.#run = whole
    }
    for (const name of gone) this.#services.delete(name)
    for (const changes of services) this.#change(changes)
    if (id <= this.id) return false
    this.id = id
    this.at = at
    return true
  }

  #change({ instances, routes, ...fields }) {
    const before = this.#services.get(fields.name) ?? { tables: { instances: {}, routes: {} } }
    const after = { ...before, ...fields, tables: { ...before.tables } }
    for (const [name, changes] of Object.entries({ instances, routes })) {
      if (!changes) continue
      after.tables[name] = changed(before.tables[name], changes)
      after[name] = rowsOf(after.tables[name])
    }
    this.#services.set(fields.name, after)
  }
}

/** A column comes whole, or as the cells that have changed, by place. */
function changed(table, changes) {
  const columns = Object.entries(changes).map(([name, column]) => [
    name,
    Array.isArray(column) ? column : Object.assign([...table[name]], column),
  ])
  return { ...table, ...Object.fromEntries(columns) }
}

function rowsOf(table) {
  const columns = Object.entries(table)
  const [[, keys]] = columns
  return keys.map((_, place) => {
    const row = {}
    for (const [name, column] of columns) row[name] = column[place] ?? undefined
    return row
  })
}
