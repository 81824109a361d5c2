// The one way to the server: requests with the token of the session, which this page's own origin keeps for the tab.

import type { ErrorAnswer, Session, Ticket } from './api'

const tokenName = 'furl-token'

/** Refused says what the server answered in place of what was asked for. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message)
  }
}

/** said is what an error says to people. */
export function said(error: unknown): string {
  if (error instanceof TypeError) return 'The server does not answer. Start it with furl serve or furl dev.'
  return error instanceof Error ? error.message : String(error)
}

let token = sessionStorage.getItem(tokenName) ?? ''

/** signIn trades the ticket in the page's address for a session. It reports whether there is a session. */
export async function signIn(): Promise<boolean> {
  const ticket = new URLSearchParams(location.hash.slice(1)).get('ticket')
  if (ticket) {
    history.replaceState(null, '', location.pathname + '#/requests') // the ticket is of no use to anybody later
    const session = await send<Session>('POST', 'v1/session', { ticket } satisfies Ticket)
    token = session.token
    sessionStorage.setItem(tokenName, token)
  }
  return token !== ''
}

/** signOut forgets the session, which has ended. */
export function signOut() {
  token = ''
  sessionStorage.removeItem(tokenName)
}

/** query writes parameters, without those that are empty. */
export function query(parameters: Record<string, string | number | boolean | undefined>): string {
  const given = new URLSearchParams()
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined && value !== '' && value !== false) given.set(name, String(value))
  }
  const text = given.toString()
  return text && '?' + text
}

/** get reads JSON below /_furl/, such as v1/server. */
export function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  return send<T>('GET', path, undefined, signal)
}

/** send sends JSON, and reads JSON. */
export async function send<T>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  const response = await open(method, path, 'application/json', body, signal)
  return (await response.json()) as T
}

async function open(method: string, path: string, accept: string, body?: unknown, signal?: AbortSignal) {
  const headers: Record<string, string> = { Accept: accept }
  if (token) headers['Authorization'] = 'Bearer ' + token
  if (body !== undefined) headers['Content-Type'] = 'application/json'
  const init: RequestInit = { method, headers, cache: 'no-store', credentials: 'omit' }
  if (body !== undefined) init.body = JSON.stringify(body)
  if (signal) init.signal = signal
  const response = await fetch('./' + path, init)
  if (response.ok) return response
  const text = await response.text()
  let message = text
  try {
    message = (JSON.parse(text) as ErrorAnswer).message
  } catch {
    // it is the text of an older page
  }
  throw new Refused(response.status, message.trim())
}

/** lines yields what a stream sends, line by line, until it or the signal ends. */
export async function* lines(path: string, accept: string, signal: AbortSignal): AsyncGenerator<string> {
  const response = await open('GET', path, accept, undefined, signal)
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
  let rest = ''
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      const parts = (rest + value).split('\n')
      rest = parts.pop()!
      yield* parts
    }
  } finally {
    reader.cancel().catch(() => {})
  }
}

/** events yields the data of server-sent events. */
export async function* events<T>(path: string, signal: AbortSignal): AsyncGenerator<T> {
  for await (const line of lines(path, 'text/event-stream', signal)) {
    if (line.startsWith('data:')) yield JSON.parse(line.slice(5)) as T
  }
}

/** objects yields the JSON objects of a stream that has one in each line. */
export async function* objects<T>(path: string, signal: AbortSignal): AsyncGenerator<T> {
  for await (const line of lines(path, 'application/json', signal)) {
    if (line) yield JSON.parse(line) as T
  }
}
