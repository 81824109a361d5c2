// The matrix as a list, for narrow pages: each caller with its URLs.

import { Text } from '../text'
import { leadTo } from './access-address'
import type { FormProps } from './access-grid'
import { CellFace } from './standing'
import { short } from './words'

export function Listed({ matrix, changes, opened }: FormProps) {
  return (
    <ul class="world-callers" aria-label="Who may call what">
      {matrix.callers.map((caller, r) => (
        <li key={caller.arn}>
          <h3>
            <Text>{short(caller.arn)}</Text> <small>{caller.account || 'without a signature'}</small>
          </h3>
          <ul>
            {matrix.urls.map((url, c) => {
              const cell = matrix.cells[r]?.[c]
              const change = changes.get(caller.arn + ' ' + url.id)
              const isOpen = caller.arn === opened.caller && url.id === opened.url
              return (
                <li key={url.id} class={change ? 'changes' : undefined}>
                  <a href={leadTo({ caller: caller.arn, url: url.id })} aria-current={isOpen ? 'true' : undefined}>
                    <Text>{url.name}</Text>
                    <small>{url.authType}</small>
                  </a>
                  {cell && <CellFace cell={change?.after ?? cell} before={change?.before} />}
                </li>
              )
            })}
          </ul>
        </li>
      ))}
    </ul>
  )
}
