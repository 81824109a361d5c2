// The requests that the server keeps, and those that come: newest first, as many as the server keeps.

import { useEffect, useState } from 'preact/hooks'
import type { RequestLine, RequestList } from '../api'
import { get, lines, query, Refused, said } from '../client'
import { failed } from '../shell'

const most = 1000 // rows that are kept
const gather = 100 // milliseconds between two changes of the page, so that many rows are one
const longestWait = 10_000 // milliseconds between two tries to connect
const silence = 40_000 // milliseconds; the server says something every 15 seconds

export interface Live {
  rows: RequestLine[]
  state: 'reading' | 'live' | 'paused' | 'lost' | 'stopped' // lost is tried again, stopped is not
  error?: string
}

/** useRequests follows the requests that match the filter, unless it is paused. */
export function useRequests(filter: Record<string, string>, paused: boolean): Live {
  const search = query(filter)
  const [live, setLive] = useState<Live>({ rows: [], state: 'reading' })
  useEffect(() => {
    if (paused) {
      setLive((old) => ({ rows: old.rows, state: 'paused' }))
      return
    }
    const ended = new AbortController()
    void follow(search, ended.signal, setLive)
    return () => ended.abort()
  }, [search, paused])
  return live
}

type Change = (change: (old: Live) => Live) => void

async function follow(search: string, signal: AbortSignal, change: Change) {
  for (let wait = 500; !signal.aborted; wait = Math.min(wait * 2, longestWait)) {
    try {
      await once(search, signal, change, () => (wait = 250))
    } catch (error) {
      if (signal.aborted) return
      if (error instanceof Refused && error.status === 401) return failed(error)
      if (error instanceof Refused && error.status === 400) {
        // Another try does not mend it, and the old rows are of another filter.
        return change(() => ({ rows: [], state: 'stopped', error: error.message }))
      }
      const message = said(error)
      change((old) => ({ ...old, state: 'lost', error: message }))
    }
    await new Promise((done) => setTimeout(done, wait))
  }
}

// once connects first and reads the list then, so that it misses nothing in between.
async function once(search: string, signal: AbortSignal, change: Change, connected: () => void) {
  const here = new AbortController()
  const end = () => here.abort()
  signal.addEventListener('abort', end)
  try {
    await read(search, here, change, connected)
  } finally {
    end() // also the stream, if the list could not be read
    signal.removeEventListener('abort', end)
  }
}

async function read(search: string, here: AbortController, change: Change, connected: () => void) {
  const signal = here.signal
  const silent = () => here.abort(new Error('the server has said nothing for a while'))
  let fresh: RequestLine[] = []
  let timer: ReturnType<typeof setTimeout> | undefined
  let shown = 0
  const show = () => {
    timer = undefined
    shown = Date.now()
    const rows = fresh
    fresh = []
    change((old) => ({ rows: merge(rows, old.rows), state: 'live' }))
  }
  let dog = setTimeout(silent, silence)
  const stream = lines('v1/requests/live' + search, 'text/event-stream', signal) // with the comments that keep it alive
  const first = stream.next() // it connects
  first.catch(() => {}) // when the list cannot be read either, that is the error
  try {
    const list = await get<RequestList>('v1/requests' + (search ? search + '&' : '?') + 'limit=' + most, signal)
    connected()
    change(() => ({ rows: list.requests, state: 'live' }))
    for (let next = await first; !next.done; next = await stream.next()) {
      clearTimeout(dog)
      dog = setTimeout(silent, silence)
      if (!next.value.startsWith('data:')) continue
      fresh.unshift(JSON.parse(next.value.slice(5)) as RequestLine)
      timer ??= setTimeout(show, shown + gather - Date.now()) // the first one at once
    }
  } finally {
    clearTimeout(dog)
    clearTimeout(timer)
    here.abort() // a stream that waits for its next line does not end otherwise
    await stream.return(undefined)
  }
  throw new Error('the server ended the connection')
}

/** merge puts new rows before the old ones, each once. */
function merge(rows: RequestLine[], old: RequestLine[]): RequestLine[] {
  const known = new Set(old.slice(0, rows.length + most / 10).map((row) => row.id))
  return [...rows.filter((row) => !known.has(row.id)), ...old].slice(0, most)
}
