// The frame of all views: it signs in, knows the server and shows the view that the address names.

import { signal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { address, link } from './address'
import type { Server } from './api'
import { get, Refused, said, signIn, signOut } from './client'
import { Keys } from './keys'
import { Problem, Waiting } from './parts/states'
import { Access } from './views/access'
import { Accounts } from './views/accounts'
import { Functions } from './views/functions'
import { Requests } from './views/requests'

/** server is what the server says of itself; undefined until it has. */
export const server = signal<Server | undefined>(undefined)

const problem = signal('')

const noSession = 'This page has no session, or the session has ended. Type furl console in a terminal to open it.'

/** failed shows why something could not be read. Where the session has ended, it is forgotten. */
export function failed(error: unknown) {
  if (error instanceof DOMException && error.name === 'AbortError') return
  if (error instanceof Refused && error.status === 401) {
    signOut()
    server.value = undefined
    problem.value = noSession
    return
  }
  problem.value = said(error)
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
        if (signed) server.value = await get<Server>('v1/server')
        else problem.value = noSession
      })
      .catch(failed)
  }, [])
  const name = (address.value.view in views ? address.value.view : 'requests') as keyof typeof views
  const { title, view: View } = views[name]
  useEffect(() => {
    document.title = title + ' – furl'
  }, [title])
  const main = useRef<HTMLElement>(null)
  return (
    <>
      <header class="top">
        <button type="button" class="skip" onClick={() => main.current?.focus()}>
          Skip to the content
        </button>
        <h1>furl</h1>
        <nav aria-label="Views">
          {Object.entries(views).map(([key, { title }]) => (
            <a key={key} href={link(key)} aria-current={key === name ? 'page' : undefined}>
              {title}
            </a>
          ))}
        </nav>
        {server.value && (
          <p class="where">
            {server.value.endpoint} · {server.value.edit ? 'replay and saving allowed' : 'read-only'} · <kbd>?</kbd>{' '}
            keys
          </p>
        )}
      </header>
      <main ref={main} tabIndex={-1}>
        {problem.value && <Problem message={problem.value} />}
        {server.value ? <View /> : !problem.value && <Waiting what="the server" />}
      </main>
      <Keys />
    </>
  )
}
