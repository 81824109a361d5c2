// The way through a list that is shown in pages.

import './parts.css'

interface Props {
  label?: string // of what, if there are several on a page
  offset: number
  limit: number
  total: number
  onOffset: (offset: number) => void
}

export function Pager({ label, offset, limit, total, onOffset }: Props) {
  const last = Math.max(0, Math.floor((total - 1) / limit) * limit)
  const text = (n: number) => n.toLocaleString('en-US')
  const from = text(offset + 1)
  const to = text(Math.min(total, offset + limit))
  const step = (name: string, to: number, off: boolean) => (
    <button
      type="button"
      class="small"
      aria-label={label ? `${name}: ${label}` : undefined}
      disabled={off}
      onClick={() => onOffset(to)}
    >
      {name}
    </button>
  )
  return (
    <nav class="pager" aria-label={label ? 'Pages of ' + label : 'Pages'}>
      {label && <b>{label}</b>}
      <span role="status">{offset >= total ? 'none' : `${from}–${to} of ${text(total)}`}</span>
      {total > limit && (
        <>
          {step('First', 0, offset === 0)}
          {step('Previous', Math.max(0, offset - limit), offset === 0)}
          {step('Next', offset + limit, offset + limit >= total)}
          {step('Last', last, offset >= last)}
        </>
      )}
    </nav>
  )
}
