// All requests, live.

import { useEffect, useState } from 'preact/hooks'
import { address, go, link } from '../address'
import type { RequestLine } from '../api'
import { Empty, Problem } from '../parts/states'
import { VerdictTag } from '../parts/verdict'
import { Text } from '../text'
import { type Live, useRequests } from './requests-live'
import { SearchField } from './search'
import { duration, exact, number, short } from './words'

const names = ['function', 'status', 'caller', 'text', 'api', 'probes'] as const
const screenful = 200 // rows that are shown at first, and more each time

export function RequestTable() {
  const { filter } = address.value
  const wanted = Object.fromEntries(names.map((name) => [name, filter.get(name) ?? ''])) as Record<
    (typeof names)[number],
    string
  >
  const [paused, setPaused] = useState(false)
  const live = useRequests(wanted, paused)
  const show = (change: Record<string, string>) => go(link('requests', '', { ...wanted, ...change }), true)
  const field = (name: (typeof names)[number], label: string, hint: string) => (
    <SearchField label={label} hint={hint} value={wanted[name]} onSearch={(text) => show({ [name]: text })} />
  )
  return (
    <>
      <header class="world-title">
        <h2>Requests</h2>
        <State live={live} />
        <span class="world-links">
          <button type="button" aria-pressed={paused} onClick={() => setPaused(!paused)}>
            Pause
          </button>
        </span>
      </header>
      <form
        class="bar requests-filter"
        role="search"
        aria-label="Filter requests"
        onSubmit={(event) => event.preventDefault()}
      >
        {field('text', 'Text', 'method, path, reason, id')}
        {field('function', 'Function', 'name or ARN')}
        {field('status', 'Status', '403 or 4xx')}
        {field('caller', 'Caller', 'part of an ARN')}
        <Check label="API calls" checked={wanted.api !== ''} onCheck={(on) => show({ api: on ? '1' : '' })} />
        <Check label="furl’s probes" checked={wanted.probes !== ''} onCheck={(on) => show({ probes: on ? '1' : '' })} />
      </form>
      {live.error && <Problem message={live.error + (live.rows.length ? '. What is shown may be old.' : '')} />}
      <Rows live={live} filtered={names.some((name) => wanted[name] !== '')} />
    </>
  )
}

function Check(props: { label: string; checked: boolean; onCheck: (on: boolean) => void }) {
  return (
    <label>
      <input type="checkbox" checked={props.checked} onChange={(event) => props.onCheck(event.currentTarget.checked)} />{' '}
      {props.label}
    </label>
  )
}

function State({ live }: { live: Live }) {
  const words = {
    reading: 'reading …',
    live: '● live',
    paused: '‖ paused',
    lost: '✗ not connected, trying again',
    stopped: '✗ not connected',
  }
  return (
    <span class={live.state === 'lost' || live.state === 'stopped' ? 'bad' : 'quiet'} role="status">
      {words[live.state]}
      {live.state === 'live' && <span class="sr">, {number(live.rows.length)} requests</span>}
    </span>
  )
}

function Rows({ live, filtered }: { live: Live; filtered: boolean }) {
  const [shown, setShown] = useState(screenful)
  const { rows, later } = useSettled(live.rows)
  if (rows.length === 0) {
    if (live.state !== 'live' && live.state !== 'paused') return null
    return (
      <Empty>
        {filtered
          ? 'No request matches.'
          : 'No request to a function URL has come yet. Type furl call URL to send one.'}
      </Empty>
    )
  }
  return (
    <>
      {later > 0 && (
        <button type="button" class="requests-new primary" onClick={() => scrollTo({ top: 0 })}>
          ↑ {number(later)} new
        </button>
      )}
      <table class="world-table stack requests" aria-label="Requests">
        <thead>
          <tr>
            <th scope="col">Request</th>
            <th scope="col">Status</th>
            <th scope="col">Function</th>
            <th scope="col">Caller</th>
            <th scope="col" class="number">
              Took
            </th>
            <th scope="col" class="number">
              Time
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, shown).map((row) => (
            <Row row={row} key={row.id} />
          ))}
        </tbody>
      </table>
      {rows.length > shown && (
        <p>
          <button type="button" onClick={() => setShown(shown + screenful)}>
            Show more of {number(rows.length)}
          </button>
        </p>
      )}
    </>
  )
}

// useSettled keeps the rows where they are while the reader has scrolled down, or has the focus in one of them.
function useSettled(rows: RequestLine[]) {
  const [settled, setSettled] = useState(rows)
  const [away, setAway] = useState(false)
  useEffect(() => {
    const look = () => setAway(scrollY > 200 || !!document.activeElement?.closest('table.requests'))
    addEventListener('scroll', look, { passive: true })
    addEventListener('focusin', look)
    addEventListener('focusout', () => setTimeout(look))
    return () => {
      removeEventListener('scroll', look)
      removeEventListener('focusin', look)
    }
  }, [])
  const first = settled[0]?.id
  const at = rows.findIndex((row) => row.id === first)
  const stays = away && at >= 0
  useEffect(() => {
    if (!stays) setSettled(rows)
  }, [rows, stays])
  return { rows: stays ? settled : rows, later: stays ? at : 0 }
}

function Row({ row }: { row: RequestLine }) {
  return (
    <tr>
      <th scope="row">
        <a href={link('requests', row.id, address.value.filter)}>
          <span class="mono">
            <Text>{row.method + ' ' + row.target}</Text>
          </span>
        </a>
        {row.reason && row.verdict !== 'ok' && (
          <small class="quiet requests-reason">
            <Text>{row.reason}</Text>
          </small>
        )}
      </th>
      <td data-label="Status" class="nowrap">
        {row.status || '–'} <VerdictTag verdict={row.verdict} />
      </td>
      <td data-label="Function">
        {row.function ? <Text>{short(row.function).replace(/^function:/, '')}</Text> : <Operation row={row} />}
      </td>
      <td data-label="Caller">
        {row.caller ? (
          <span title={row.caller}>
            <Text>{short(row.caller)}</Text>
          </span>
        ) : (
          <span class="quiet">not known</span>
        )}
      </td>
      <td data-label="Took" class="number">
        {duration(row.micros)}
      </td>
      <td data-label="Time" class="number">
        <time dateTime={row.time} title={exact(row.time)}>
          {clock(row.time)}
        </time>
      </td>
    </tr>
  )
}

function Operation({ row }: { row: RequestLine }) {
  return row.operation ? <Text>{row.operation}</Text> : <span class="quiet">none</span>
}

function clock(time: string): string {
  const date = new Date(time)
  return Number.isNaN(date.getTime()) ? time : date.toLocaleTimeString('en-GB')
}
