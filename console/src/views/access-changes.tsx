// The cells in view that an edit would change, before → after.

import type { Access, Standing, WhatIfAnswer } from '../api'
import { Text } from '../text'
import { look } from './standing'
import { number, short } from './words'

const shown = 50

export function Changes({ answer, matrix, most = shown }: { answer: WhatIfAnswer; matrix?: Access; most?: number }) {
  const { changes } = answer
  if (changes.length === 0) {
    return <p>No cell in view would change.</p>
  }
  const names = new Map(matrix?.urls.map((url) => [url.id, url.name]))
  return (
    <>
      <p>
        <strong>{number(changes.length)}</strong> {changes.length === 1 ? 'cell' : 'cells'} in view would change:
      </p>
      <ul class="world-changes" tabIndex={0} aria-label="Cells that would change">
        {changes.slice(0, most).map((one) => (
          <li key={one.caller + ' ' + one.url}>
            <span>
              <Text>{short(one.caller)}</Text> → <Text>{names.get(one.url) ?? one.url}</Text>
            </span>
            <span>
              <Move name="" before={one.before.standing} after={one.after.standing} />
              <Move name="URL " before={one.before.url} after={one.after.url} />
              <Move name="Fn " before={one.before.invoke} after={one.after.invoke} />
            </span>
          </li>
        ))}
      </ul>
      {changes.length > most && <p class="quiet">and {number(changes.length - most)} more, marked in the matrix.</p>}
    </>
  )
}

// Move is a change of one verdict; nothing if it stays.
function Move(props: { name: string; before: Standing; after: Standing }) {
  if (props.before === props.after) return null
  const before = look(props.before)
  const after = look(props.after)
  return (
    <span class="move">
      {props.name}
      <span class={before.kind}>
        <span aria-hidden="true">{before.sign} </span>
        {props.before}
      </span>
      <span aria-hidden="true"> → </span>
      <span class="sr"> would become </span>
      <b class={after.kind}>
        <span aria-hidden="true">{after.sign} </span>
        {props.after}
      </b>
    </span>
  )
}
