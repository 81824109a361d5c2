// What is opened beside a list: it takes the focus when it opens, Escape closes it, and the focus goes back then.

import type { ComponentChildren } from 'preact'
import { useEffect, useRef } from 'preact/hooks'

export function Panel(props: { title: string; label: string; onClose: () => void; children: ComponentChildren }) {
  const heading = useRef<HTMLHeadingElement>(null)
  const panel = useRef<HTMLElement>(null)
  const back = useRef<Element | null>(null)
  useEffect(() => {
    if (!panel.current?.contains(document.activeElement)) back.current = document.activeElement
    heading.current?.focus()
  }, [props.label])
  useEffect(() => {
    return () => {
      const active = document.activeElement
      const lost = active === document.body || panel.current?.contains(active) // not if it is elsewhere already
      if (lost && back.current instanceof HTMLElement && back.current.isConnected) back.current.focus()
    }
  }, [])
  return (
    <aside
      class="world-panel"
      ref={panel}
      aria-label={props.title}
      onKeyDown={(event) => {
        if (event.key !== 'Escape' || event.defaultPrevented) return
        event.preventDefault()
        props.onClose()
      }}
    >
      <header>
        <h3 tabIndex={-1} ref={heading}>
          {props.title}
        </h3>
        <button type="button" onClick={props.onClose} aria-keyshortcuts="Escape">
          Close
        </button>
      </header>
      {props.children}
    </aside>
  )
}
