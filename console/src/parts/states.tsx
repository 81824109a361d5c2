// What is shown in place of what is not there: it is being read, there is none, or the server refused it.

import type { ComponentChildren } from 'preact'
import { Text } from '../text'
import './parts.css'

export function Waiting({ what }: { what: string }) {
  return (
    <p class="empty" role="status">
      Reading {what} …
    </p>
  )
}

export function Empty({ children }: { children: ComponentChildren }) {
  return <p class="empty">{children}</p>
}

export function Problem({ message, again }: { message: string; again?: () => void }) {
  return (
    <div class="problem" role="alert">
      <span aria-hidden="true">✗ </span>
      <Text>{message}</Text>{' '}
      {again && (
        <button type="button" class="small" onClick={again}>
          Try again
        </button>
      )}
    </div>
  )
}
