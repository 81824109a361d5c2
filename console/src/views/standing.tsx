// How a standing looks: a sign and a word, so that color only helps.

import type { AccessCell, Standing } from '../api'

const signs: Record<Standing, { sign: string; kind: string }> = {
  'may call': { sign: '✓', kind: 'good' },
  depends: { sign: '◐', kind: 'doubt' },
  'could not look': { sign: '?', kind: 'doubt' },
  'may not call': { sign: '✗', kind: 'bad' },
}

const other = { sign: '?', kind: 'doubt' }

/** look is how a standing is shown. */
export function look(standing: Standing) {
  return signs[standing] ?? other
}

/** StandingTag is a standing in full. */
export function StandingTag({ standing }: { standing: Standing }) {
  const { sign, kind } = look(standing)
  return (
    <span class={'tag ' + kind}>
      <span aria-hidden="true">{sign} </span>
      {standing}
    </span>
  )
}

/** CellFace is a cell: whether the call works, and below it both actions. */
export function CellFace({ cell, before }: { cell: AccessCell; before?: AccessCell }) {
  const { sign, kind } = look(cell.standing)
  return (
    <>
      <span class={'face ' + kind}>
        {before && before.standing !== cell.standing && (
          <>
            <s class={look(before.standing).kind}>
              <span aria-hidden="true">{look(before.standing).sign}</span>
              <span class="sr">{before.standing}</span>
            </s>
            <span aria-hidden="true"> → </span>
            <span class="sr"> would be </span>
          </>
        )}
        <span aria-hidden="true">{sign} </span>
        {cell.standing}
      </span>
      <span class="actions">
        <Action name="URL" full="InvokeFunctionUrl" cell={cell.url} before={before?.url} />
        <Action name="Fn" full="InvokeFunction" cell={cell.invoke} before={before?.invoke} />
      </span>
    </>
  )
}

function Action(props: { name: string; full: string; cell: Standing; before?: Standing }) {
  const { name, full, cell, before } = props
  const moves = before !== undefined && before !== cell
  return (
    <span class={moves ? 'moves' : undefined}>
      <span aria-hidden="true">
        {name} {moves && look(before).sign + '→'}
        {look(cell).sign}
      </span>
      <span class="sr">
        , {full}: {moves && before + ', would be '}
        {cell}
      </span>
    </span>
  )
}
