// The requests that the server keeps, and those that come: newest first, as many as the server keeps.

import { useEffect, useState } from 'preact/hooks'
import type { RequestLine, RequestList } from '../api'
import { events, get, query, Refused } from '../client'
import { failed } from '../shell'

const most = 1000 // rows that are kept
const gather = 100 // milliseconds that rows are gathered for, so that many of them are one change of the page
const longestWait = 10_000 // milliseconds between two tries to connect

export interface Live {
  rows: RequestLine[]
  state: 'reading' | 'live' | 'paused' | 'lost'
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
      const message = error instanceof Error ? error.message : String(error)
      change((old) => ({ ...old, state: 'lost', error: message }))
      if (error instanceof Refused && error.status === 400) return // which another try does not mend
    }
    await new Promise((done) => setTimeout(done, wait))
  }
}

// once connects first and reads the list then, so that it misses nothing in between.
async function once(search: string, signal: AbortSignal, change: Change, connected: () => void) {
  let fresh: RequestLine[] = []
  let timer: ReturnType<typeof setTimeout> | undefined
  const show = () => {
    timer = undefined
    const rows = fresh
    fresh = []
    change((old) => ({ rows: merge(rows, old.rows), state: 'live' }))
  }
  const stream = events<RequestLine>('v1/requests/live' + search, signal)
  const first = stream.next() // it connects
  const list = await get<RequestList>('v1/requests' + (search ? search + '&' : '?') + 'limit=' + most, signal)
  connected()
  change(() => ({ rows: list.requests, state: 'live' }))
  try {
    for (let next = await first; !next.done; next = await stream.next()) {
      fresh.unshift(next.value)
      timer ??= setTimeout(show, gather)
    }
  } finally {
    clearTimeout(timer)
    await stream.return(undefined)
  }
  throw new Error('the server ended the connection')
}

/** merge puts new rows before the old ones, each once. */
function merge(rows: RequestLine[], old: RequestLine[]): RequestLine[] {
  const known = new Set(old.slice(0, rows.length + most / 10).map((row) => row.id))
  return [...rows.filter((row) => !known.has(row.id)), ...old].slice(0, most)
}
