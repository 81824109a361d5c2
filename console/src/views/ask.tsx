// A question that has to be answered before anything else happens.

import type { ComponentChildren } from 'preact'
import { useModal } from '../parts/modal'

export interface Answer {
  text: string
  onClick: () => void
  danger?: boolean
  disabled?: boolean
}

export function Ask(props: {
  title: string
  cancel?: string
  answers: Answer[]
  onCancel: () => void
  children: ComponentChildren
}) {
  const dialog = useModal()
  return (
    <dialog
      ref={dialog}
      class="world-ask"
      aria-labelledby="world-ask-title"
      onKeyDown={(event) => event.stopPropagation()}
      onCancel={(event) => {
        event.preventDefault()
        props.onCancel()
      }}
    >
      <h3 id="world-ask-title">{props.title}</h3>
      {props.children}
      <p class="world-answers">
        <button type="button" onClick={props.onCancel} autofocus>
          {props.cancel ?? 'Cancel'}
        </button>
        {props.answers.map(({ text, onClick, danger, disabled }) => (
          <button type="button" key={text} class={danger ? 'danger' : 'primary'} disabled={disabled} onClick={onClick}>
            {text}
          </button>
        ))}
      </p>
    </dialog>
  )
}
