// Edits of policies that are not saved. They outlive the view, so that only closing the page can lose one, which warns.

import { effect, signal } from '@preact/signals'
import type { Policy } from '../api'
import { visible } from '../text'

export interface Draft {
  policy: Policy // as it was read when the edit began
  document: string
}

/** drafts are the edits that are not saved, by the id of the policy. */
export const drafts = signal<ReadonlyMap<string, Draft>>(new Map())

/**
 * written is a policy's document to edit. What would not be seen in it, or turn the direction of text, is written as an
 * escape of JSON, which means the same.
 */
export function written(policy: Policy): string {
  return visible(policy.document.replace(/\r\n?/g, '\n'))
}

/** keep remembers an edit, or forgets it if it is what was read. */
export function keep(draft: Draft) {
  const next = new Map(drafts.value)
  if (draft.document === written(draft.policy)) next.delete(draft.policy.id)
  else next.set(draft.policy.id, draft)
  drafts.value = next
}

/** discard forgets an edit. */
export function discard(id: string) {
  const next = new Map(drafts.value)
  next.delete(id)
  drafts.value = next
}

const warn = (event: BeforeUnloadEvent) => event.preventDefault()

effect(() => {
  if (drafts.value.size > 0) addEventListener('beforeunload', warn)
  else removeEventListener('beforeunload', warn)
})
