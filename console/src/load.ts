// What a view reads: once for each address, and again every few seconds if it asks for that.

import { useEffect, useState } from 'preact/hooks'
import { get, Refused, said } from './client'
import { failed } from './shell'

export interface Loaded<T> {
  value?: T
  error?: string
  loading: boolean // value is none yet, or that of the address before
  again: () => void
}

/**
 * useLoad reads path, and again when it changes and every so many milliseconds while the page is seen. An empty path is
 * not read. The value of the path before stays until the next one is there, so that pages do not flicker.
 */
export function useLoad<T>(path: string, every = 0): Loaded<T> {
  const [state, setState] = useState<{ path: string; value?: T; error?: string }>({ path: '' })
  const [turn, setTurn] = useState(0)
  useEffect(() => {
    if (!path) return
    const ended = new AbortController()
    let timer: ReturnType<typeof setTimeout> | undefined
    const read = async () => {
      try {
        if (!document.hidden || !every) setState({ path, value: await get<T>(path, ended.signal) })
      } catch (error) {
        if (ended.signal.aborted) return
        if (error instanceof Refused && error.status === 401) failed(error)
        const message = said(error)
        setState((old) => ({ path, value: old.path === path ? old.value : undefined, error: message }))
      }
      if (every && !ended.signal.aborted) timer = setTimeout(read, every)
    }
    void read()
    const seen = () => {
      if (document.hidden || !every) return
      clearTimeout(timer)
      void read()
    }
    document.addEventListener('visibilitychange', seen)
    return () => {
      ended.abort()
      clearTimeout(timer)
      document.removeEventListener('visibilitychange', seen)
    }
  }, [path, every, turn])
  return {
    value: path ? state.value : undefined,
    error: state.path === path ? state.error : undefined,
    loading: path !== '' && state.path !== path,
    again: () => setTurn((turn) => turn + 1),
  }
}
