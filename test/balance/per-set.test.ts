import { describe, expect, it } from 'vitest'
import { perFleet, perSet } from '../../src/balance/per-set.ts'
import { endpoints, requests } from './harness.ts'

describe('a value derived from a set', () => {
  it('is derived once per array, also when routes take turns', () => {
    let derived = 0
    const sizeOf = perSet((set) => ({ size: set.length, nth: ++derived }))
    const sets = [endpoints(2), endpoints(3), endpoints(4)]
    for (let turn = 0; turn < 30; turn++) {
      expect(sizeOf(sets[turn % 3] ?? [], requests()()).size).toBe(2 + (turn % 3))
    }
    expect(derived).toBe(3)
    sizeOf(endpoints(2), requests()())
    expect(derived).toBe(4)
  })

  it('is derived again when only the other endpoints of the fleet changed', () => {
    let derived = 0
    const brokenOf = perFleet((set, all) => ({ broken: all.length - set.length, nth: ++derived }))
    const set = endpoints(2)
    const all = [...set, ...endpoints(3)]
    const request = requests()
    for (let turn = 0; turn < 5; turn++) expect(brokenOf(set, request({ all })).broken).toBe(3)
    expect(derived).toBe(1)
    expect(brokenOf(set, request({ all: [...all] })).nth).toBe(2)
    expect(brokenOf(set, request()).broken).toBe(0)
  })
})
