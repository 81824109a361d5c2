// A part of a page with a title of its own.

import type { ComponentChildren } from 'preact'

export function Card({ title, wide, children }: { title: string; wide?: boolean; children: ComponentChildren }) {
  return (
    <section class={wide ? 'card wide' : 'card'} aria-label={title}>
      <h3>{title}</h3>
      {children}
    </section>
  )
}
