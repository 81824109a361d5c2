// Where the page is: #/requests/ID?text=… is a view, what is open in it, and what it is filtered by.

import { signal } from '@preact/signals'

export interface Address {
  view: string // requests, functions, access, accounts
  item: string // what is open; '' for nothing
  filter: URLSearchParams
}

function read(): Address {
  const [path = '', search = ''] = location.hash.replace(/^#\/?/, '').split('?', 2)
  const [view = '', ...item] = path.split('/')
  return { view: view || 'requests', item: decode(item.join('/')), filter: new URLSearchParams(search) }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text // which somebody typed
  }
}

/** address is where the page is. */
export const address = signal(read())

addEventListener('hashchange', () => {
  address.value = read()
})

/** link is the address of a view, for an <a>. */
export function link(view: string, item = '', filter?: URLSearchParams | Record<string, string>): string {
  const search = new URLSearchParams(filter)
  for (const [name, value] of [...search]) if (value === '') search.delete(name)
  const text = search.toString()
  return '#/' + view + (item && '/' + encodeURIComponent(item)) + (text && '?' + text)
}

/** go leads to a view; without a trace in the history if it only refines what is seen. */
export function go(to: string, replace = false) {
  if (replace) {
    history.replaceState(null, '', to)
    address.value = read()
  } else location.hash = to
}
