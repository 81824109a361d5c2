// What the address of the matrix says: the pages of both axes, the cell that is open and the policy that is edited.

import { address, go, link } from '../address'

export const names = [
  'callerSearch',
  'callerOffset',
  'urlSearch',
  'urlOffset',
  'form', // grid or list
  'caller', // of the open cell
  'url',
  'policy', // that is edited
] as const

export type Place = Record<(typeof names)[number], string>

/** place is what the address says now. */
export function place(): Place {
  const { filter } = address.value
  return Object.fromEntries(names.map((name) => [name, filter.get(name) ?? ''])) as Place
}

/** leadTo is the address with something changed. */
export function leadTo(change: Partial<Place>): string {
  return link('access', '', { ...place(), ...change })
}

/** show changes the address; in place of what it was if that only refines it. */
export function show(change: Partial<Place>, replace = false) {
  go(leadTo(change), replace)
}
