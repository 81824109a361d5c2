// The keys of the page, and what tells them.

import { useEffect, useRef } from 'preact/hooks'

const keys: [string, string][] = [
  ['/', 'go to the search or the first filter'],
  ['j k', 'go to the next or the previous row of a list'],
  ['Enter', 'open what has the focus'],
  ['Escape', 'close what is open, or go back to the list'],
  ['← ↑ → ↓', 'move in the matrix, and among the forms of a fix'],
  ['?', 'show these keys'],
]

/** rows are the links of the rows of the list that is shown. */
const rows = () => [...document.querySelectorAll<HTMLElement>('main tbody th[scope=row] a')]

/** step moves the focus to a neighbor of the row that has it. */
function step(by: number) {
  const all = rows()
  const at = all.indexOf(document.activeElement as HTMLElement)
  all[at < 0 ? 0 : Math.min(all.length - 1, Math.max(0, at + by))]?.focus()
}

const types = (element: Element | null) =>
  element instanceof HTMLElement && (element.matches('input, textarea, select') || element.isContentEditable)

export function Keys() {
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return
      if (types(document.activeElement) || document.querySelector('dialog[open]')) return
      const does: Record<string, () => void> = {
        '/': () => document.querySelector<HTMLElement>('main [role=search] input')?.focus(),
        '?': () => dialog.current?.showModal(),
        j: () => step(1),
        k: () => step(-1),
      }
      if (!does[event.key]) return
      event.preventDefault()
      does[event.key]!()
    }
    addEventListener('keydown', press)
    return () => removeEventListener('keydown', press)
  }, [])
  return (
    <dialog class="world-ask" ref={dialog} aria-labelledby="keys-title">
      <h2 id="keys-title">Keys</h2>
      <dl class="keys">
        {keys.map(([key, does]) => (
          <>
            <dt>
              {key.split(' ').map((one) => (
                <kbd key={one}>{one}</kbd>
              ))}
            </dt>
            <dd>{does}</dd>
          </>
        ))}
      </dl>
      <form method="dialog" class="world-answers">
        <button>Close</button>
      </form>
    </dialog>
  )
}
