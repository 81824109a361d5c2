// The live log of a function. The page keeps only the last lines, and draws a few times a second, however many come.

import { useEffect, useRef, useState } from 'preact/hooks'
import type { LogLine } from '../api'
import { objects, query, said } from '../client'
import { Text } from '../text'
import { number } from './words'

const kept = 1000
const drawEvery = 250 // milliseconds
const retryAfter = 2000

const levels = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL']

interface Line extends LogLine {
  key: number
}

export function Log({ arn }: { arn: string }) {
  const [lines, setLines] = useState<Line[]>([])
  const [paused, setPaused] = useState(false)
  const [least, setLeast] = useState('')
  const [state, setState] = useState('connecting')
  const [waiting, setWaiting] = useState(0)
  const [end, setEnd] = useState(true)
  const region = useRef<HTMLDivElement>(null)
  const stop = useRef(false)
  stop.current = paused

  useEffect(() => {
    const ended = new AbortController()
    let all: Line[] = []
    let fresh = 0
    let key = 0
    const draw = setInterval(() => {
      if (stop.current) setWaiting(fresh)
      else if (fresh > 0) {
        setLines(all)
        setWaiting(0)
        fresh = 0
      }
    }, drawEvery)
    const follow = async () => {
      while (!ended.signal.aborted) {
        all = [] // the server sends the last lines again
        try {
          setState('live')
          const path = 'logs' + query({ follow: 1, function: arn, lines: 100 })
          for await (const line of objects<LogLine>(path, ended.signal)) {
            all = [...all.slice(1 - kept), { ...line, key: key++ }]
            fresh++
          }
          setState('the log ended')
        } catch (error) {
          if (ended.signal.aborted) return
          setState(said(error))
        }
        await new Promise((go) => setTimeout(go, retryAfter))
      }
    }
    void follow()
    return () => {
      ended.abort()
      clearInterval(draw)
    }
  }, [arn])

  useEffect(() => {
    if (end && region.current) region.current.scrollTop = region.current.scrollHeight
  }, [lines, end, least])

  const shown = least ? lines.filter((line) => rank(line.level) >= levels.indexOf(least)) : lines
  return (
    <div class="world-log">
      <div class="bar">
        <button type="button" aria-pressed={paused} onClick={() => setPaused(!paused)}>
          {paused ? 'Resume' : 'Pause'}
        </button>
        <label>
          Level{' '}
          <select value={least} onChange={(event) => setLeast(event.currentTarget.value)}>
            <option value="">all lines</option>
            {levels.slice(1, 5).map((level) => (
              <option key={level} value={level}>
                {level} and worse
              </option>
            ))}
          </select>
        </label>
        <button type="button" disabled={end} onClick={() => setEnd(true)}>
          Go to the end
        </button>
        <span role="status" class="quiet">
          {paused ? (
            `paused, ${number(Math.min(waiting, kept))} new`
          ) : state === 'live' ? (
            '● live'
          ) : (
            <Text>{state}</Text>
          )}
        </span>
      </div>
      <div
        class="lines"
        ref={region}
        role="log"
        aria-live="off"
        aria-label="Log lines"
        tabIndex={0}
        onScroll={(event) => {
          const { scrollHeight, scrollTop, clientHeight } = event.currentTarget
          setEnd(scrollHeight - scrollTop - clientHeight < 8)
        }}
      >
        {shown.length === 0 && (
          <p class="quiet">{lines.length ? 'No line has this level.' : 'No lines yet. Call the function.'}</p>
        )}
        {shown.map((line) => (
          <LogRow key={line.key} line={line} />
        ))}
      </div>
      <p class="quiet">
        {number(shown.length)} lines; the page keeps the last {number(kept)}.
      </p>
    </div>
  )
}

// rank is the place of a level among the levels. A line without one counts as INFO, as in Lambda.
function rank(level = 'INFO'): number {
  return Math.max(0, levels.indexOf(level.toUpperCase()))
}

// clock is the time of a line on the clock of the reader.
function clock(time: string): string {
  const date = new Date(time)
  if (Number.isNaN(date.getTime())) return time
  return date.toTimeString().slice(0, 8) + '.' + String(date.getMilliseconds()).padStart(3, '0')
}

function LogRow({ line }: { line: LogLine }) {
  const level = line.level?.toUpperCase() ?? ''
  const kind =
    line.stream === 'platform' ? 'platform' : rank(level || 'INFO') >= 4 ? 'bad' : level === 'WARN' ? 'doubt' : ''
  return (
    <div class={'line ' + kind}>
      <time dateTime={line.time} title={line.time}>
        {clock(line.time)}
      </time>
      <span class="level">{level || line.stream}</span>
      <span class="text">
        <Text>{line.text}</Text>
      </span>
    </div>
  )
}
