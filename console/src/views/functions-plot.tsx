// The plot of a function's last ten minutes: calls and errors as bars, latency as two lines, and all of it as a table.

import type { Traffic } from '../api'
import { duration, number } from './words'

const width = 600
const height = 90

export function Plot({ traffic }: { traffic: Traffic }) {
  const { calls, errors, p50, p99 } = traffic
  const all = sum(calls)
  const wrong = sum(errors)
  const most = Math.max(1, ...calls)
  const slowest = Math.max(0, ...p99)
  const minutes = Math.round((calls.length * traffic.seconds) / 60)
  const last = calls.findLastIndex((n) => n > 0)
  return (
    <>
      <dl class="world-numbers">
        <Figure name="Calls" value={number(all)} />
        <Figure name="Errors" value={number(wrong)} note={wrong > 0 ? percent(wrong / all) : ''} bad={wrong > 0} />
        <Figure name="p50, latest" value={last < 0 ? '–' : duration(p50[last]!)} />
        <Figure name="p99, highest" value={slowest === 0 ? '–' : duration(slowest)} />
      </dl>
      <div class="world-plots">
        <figure class="world-plot">
          <figcaption>
            <span>
              <i class="key calls" /> calls <i class="key errors" /> errors
            </span>
            <span class="quiet">
              up to {number(most)} in {traffic.seconds} s
            </span>
          </figcaption>
          <svg
            viewBox={`0 0 ${width} ${height}`}
            preserveAspectRatio="none"
            role="img"
            aria-label={`${all} calls in ${minutes} minutes, with ${wrong} errors. The table below has the numbers.`}
          >
            <Bars values={calls} most={most} name="calls" />
            <Bars values={errors} most={most} name="errors" />
          </svg>
          <Axis minutes={minutes} />
        </figure>
        <figure class="world-plot">
          <figcaption>
            <span>
              <i class="key p99" /> p99 <i class="key p50" /> p50
            </span>
            <span class="quiet">{slowest === 0 ? 'no calls' : 'up to ' + duration(slowest)}</span>
          </figcaption>
          <svg
            viewBox={`0 0 ${width} ${height}`}
            preserveAspectRatio="none"
            role="img"
            aria-label={`Latency with a p99 of up to ${duration(slowest)}. The table below has the numbers.`}
          >
            <path class="p99" d={line(p99, slowest)} />
            <path class="p50" d={line(p50, slowest)} />
          </svg>
          <Axis minutes={minutes} />
        </figure>
      </div>
      <Minutes traffic={traffic} />
    </>
  )
}

function Figure({ name, value, note, bad }: { name: string; value: string; note?: string; bad?: boolean }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd class={bad ? 'bad' : undefined}>
        {bad && <span aria-hidden="true">✗ </span>}
        {value}
        {note && <small> {note}</small>}
      </dd>
    </div>
  )
}

function Axis({ minutes }: { minutes: number }) {
  return (
    <div class="axis" aria-hidden="true">
      <span>{minutes} minutes ago</span>
      <span>now</span>
    </div>
  )
}

function Bars({ values, most, name }: { values: number[]; most: number; name: string }) {
  const step = width / Math.max(1, values.length)
  const bars = values.flatMap((value, i) => {
    if (value === 0) return []
    const tall = Math.max(1.5, (value / most) * (height - 2)) // one call of many is seen, too
    return [`M${round(i * step)} ${height}v-${round(tall)}h${round(step * 0.78)}v${round(tall)}z`]
  })
  return <path class={name} d={bars.join('')} />
}

// line is a path through the values; it breaks where there were no calls.
function line(values: number[], most: number): string {
  const step = width / Math.max(1, values.length)
  let drawn = false
  let path = ''
  for (const [i, value] of values.entries()) {
    if (value > 0) {
      const x = round((i + 0.5) * step)
      const y = round(height - 2 - (value / most) * (height - 6))
      if (drawn) path += `L${x} ${y}`
      else if (values[i + 1]) path += `M${x} ${y}`
      else path += `M${round(i * step)} ${y}h${round(step)}` // a value alone would not be seen as a point
    }
    drawn = value > 0
  }
  return path
}

// Minutes are the numbers of the plot, for those who do not see it or want to know exactly.
function Minutes({ traffic }: { traffic: Traffic }) {
  const { calls, errors, p50, p99, seconds } = traffic
  const each = Math.max(1, Math.round(60 / seconds))
  const from = Date.parse(traffic.from)
  const rows = Array.from({ length: Math.ceil(calls.length / each) }, (_, i) => {
    const part = (values: number[]) => values.slice(i * each, (i + 1) * each)
    return {
      time: new Date(from + i * each * seconds * 1000),
      calls: sum(part(calls)),
      errors: sum(part(errors)),
      p50: Math.max(0, ...part(p50)),
      p99: Math.max(0, ...part(p99)),
    }
  })
  return (
    <details>
      <summary>The numbers as a table</summary>
      <table class="world-table numbers">
        <thead>
          <tr>
            <th scope="col">Minute</th>
            <th scope="col">Calls</th>
            <th scope="col">Errors</th>
            <th scope="col">Highest p50</th>
            <th scope="col">Highest p99</th>
          </tr>
        </thead>
        <tbody>
          {rows.reverse().map((row) => (
            <tr key={row.time.getTime()}>
              <th scope="row">{row.time.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })}</th>
              <td>{number(row.calls)}</td>
              <td>{number(row.errors)}</td>
              <td>{row.p50 ? duration(row.p50) : '–'}</td>
              <td>{row.p99 ? duration(row.p99) : '–'}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  )
}

function sum(values: number[]): number {
  return values.reduce((all, one) => all + one, 0)
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}

function percent(part: number): string {
  return (part * 100).toFixed(part > 0 && part < 0.1 ? 1 : 0) + ' %'
}
