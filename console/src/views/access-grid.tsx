// The matrix as a grid: one cell is in the tab order, arrow keys move through the cells, and Enter opens one.

import { useRef, useState } from 'preact/hooks'
import type { Access, AccessCell } from '../api'
import { Text, visible } from '../text'
import { place, show } from './access-address'
import { CellFace } from './standing'
import { short } from './words'

export interface Change {
  caller: string
  url: string
  before: AccessCell
  after: AccessCell
}

export interface FormProps {
  matrix: Access
  changes: Map<string, Change> // by caller and URL
  opened: { caller: string; url: string }
}

export function Grid({ matrix, changes, opened }: FormProps) {
  const { callers, urls, cells } = matrix
  const table = useRef<HTMLTableElement>(null)
  const [[row, column], setAt] = useState(
    () =>
      [
        Math.max(
          0,
          callers.findIndex((one) => one.arn === opened.caller),
        ),
        Math.max(
          0,
          urls.findIndex((one) => one.id === opened.url),
        ),
      ] as const,
  )
  const at = [Math.min(row, callers.length - 1), Math.min(column, urls.length - 1)] as const

  const focus = (r: number, c: number) => {
    setAt([r, c])
    const cell = table.current?.querySelector<HTMLElement>(`[data-cell="${r} ${c}"]`)
    cell?.focus()
    cell?.scrollIntoView({ block: 'nearest', inline: 'nearest' })
  }
  const open = (r: number, c: number) => {
    setAt([r, c])
    show({ caller: callers[r]!.arn, url: urls[c]!.id, policy: place().policy })
  }
  const onKeyDown = (event: KeyboardEvent) => {
    const [r, c] = at
    const last = [callers.length - 1, urls.length - 1] as const
    const far = event.ctrlKey || event.metaKey
    const moves: Record<string, () => void> = {
      ArrowUp: () => focus(Math.max(0, r - 1), c),
      ArrowDown: () => focus(Math.min(last[0], r + 1), c),
      ArrowLeft: () => focus(r, Math.max(0, c - 1)),
      ArrowRight: () => focus(r, Math.min(last[1], c + 1)),
      PageUp: () => focus(Math.max(0, r - 5), c),
      PageDown: () => focus(Math.min(last[0], r + 5), c),
      Home: () => focus(far ? 0 : r, 0),
      End: () => focus(far ? last[0] : r, last[1]),
      Enter: () => open(r, c),
      ' ': () => open(r, c),
    }
    const move = moves[event.key]
    if (!move || event.altKey) return
    event.preventDefault()
    move()
  }
  return (
    <div class="world-scroll">
      <table
        class="world-grid"
        role="grid"
        ref={table}
        aria-label="Who may call what"
        aria-readonly="true"
        aria-rowcount={callers.length + 1}
        aria-colcount={urls.length + 1}
        onKeyDown={onKeyDown}
      >
        <thead>
          <tr>
            <td>
              <span class="quiet">Caller ↓ URL →</span>
            </td>
            {urls.map((url, c) => (
              <th scope="col" key={url.id} class={c === at[1] ? 'here' : undefined} title={visible(url.function)}>
                <Text>{url.name}</Text>
                <small>{url.authType === 'NONE' ? '○ NONE' : '● AWS_IAM'}</small>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {callers.map((caller, r) => (
            <tr key={caller.arn}>
              <th scope="row" class={r === at[0] ? 'here' : undefined} title={visible(caller.arn)}>
                <Text>{short(caller.arn)}</Text>
                <small>{caller.account || 'without a signature'}</small>
              </th>
              {urls.map((url, c) => {
                const cell = cells[r]?.[c]
                const change = changes.get(caller.arn + ' ' + url.id)
                const isOpen = caller.arn === opened.caller && url.id === opened.url
                return (
                  <td
                    key={url.id}
                    data-cell={`${r} ${c}`}
                    tabIndex={r === at[0] && c === at[1] ? 0 : -1}
                    aria-selected={isOpen}
                    class={change ? 'changes' : undefined}
                    onClick={() => open(r, c)}
                    onFocus={() => setAt([r, c])}
                  >
                    {cell && <CellFace cell={change?.after ?? cell} before={change?.before} />}
                  </td>
                )
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
