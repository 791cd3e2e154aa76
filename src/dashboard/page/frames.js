/** The state of the services, built from frames that contain only changes. */
export class Frames {
  /** The id of the newest frame. */
  id = 0
  at
  #run
  #services = new Map()

  get services() {
    return [...this.#services.values()]
  }

  /** Applies a frame. Returns whether it is new: a page that reconnects gets some frames again. */
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

/** Applies changes of columns. A column is either complete, or an object with the changed cells by index. */
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
