// The frame of all views: it signs in, knows the server and shows the view that the address names.

import { signal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { address, link } from './address'
import type { Server } from './api'
import { get, Refused, signIn, signOut } from './client'
import { Access } from './views/access'
import { Accounts } from './views/accounts'
import { Functions } from './views/functions'
import { Requests } from './views/requests'

/** server is what the server says of itself; undefined until it has. */
export const server = signal<Server | undefined>(undefined)

const problem = signal<string>('')

/** failed shows why something could not be read, and asks to sign in again when the session has ended. */
export function failed(error: unknown) {
  if (error instanceof DOMException && error.name === 'AbortError') return
  if (error instanceof Refused && error.status === 401) signOut()
  problem.value = error instanceof Error ? error.message : String(error)
}

const views = {
  requests: { title: 'Requests', view: Requests },
  functions: { title: 'Functions', view: Functions },
  access: { title: 'Who may call', view: Access },
  accounts: { title: 'Accounts', view: Accounts },
}

export function Shell() {
  useEffect(() => {
    signIn()
      .then(async (signed) => {
        if (!signed) throw new Error('Type furl console to open this page: it has no session.')
        server.value = await get<Server>('v1/server')
      })
      .catch(failed)
  }, [])
  const name = address.value.view as keyof typeof views
  const { title, view: View } = views[name] ?? views.requests
  useEffect(() => {
    document.title = title + ' – furl'
  }, [title])
  return (
    <>
      <header>
        <a class="skip" href="#main">
          Skip to content
        </a>
        <h1>furl</h1>
        <nav aria-label="Views">
          {Object.entries(views).map(([key, { title }]) => (
            <a href={link(key)} aria-current={key === name ? 'page' : undefined}>
              {title}
            </a>
          ))}
        </nav>
      </header>
      <main id="main" tabIndex={-1}>
        {problem.value && <p role="alert">{problem.value}</p>}
        {server.value && <View />}
      </main>
    </>
  )
}
