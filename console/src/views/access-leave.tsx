// What asks before an edit that is not saved goes out of sight.

import { signal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { Text } from '../text'
import { discard, drafts } from './access-drafts'
import { Ask } from './ask'

const leaving = signal('') // the address to go to, while it asks

/** leave goes to an address, or asks first if the policy has an edit that is not saved. */
export function leave(to: string, policy: string) {
  if (drafts.value.has(policy)) leaving.value = to
  else location.hash = to
}

// keeps reports whether an address still shows the policy.
function keeps(to: string, policy: string): boolean {
  return to.startsWith('#/access') && new URLSearchParams(to.split('?')[1]).get('policy') === policy
}

export function LeaveGuard({ policy }: { policy: string }) {
  const draft = drafts.value.get(policy)
  useEffect(() => {
    if (!draft) return
    const click = (event: MouseEvent) => {
      const to = (event.target as Element).closest('a')?.getAttribute('href')
      if (!to?.startsWith('#/') || keeps(to, policy) || event.ctrlKey || event.metaKey || event.shiftKey) return
      event.preventDefault()
      leaving.value = to
    }
    document.addEventListener('click', click, true)
    return () => document.removeEventListener('click', click, true)
  }, [draft !== undefined, policy])
  if (!draft || !leaving.value) return null
  const go = (lose: boolean) => {
    const to = leaving.value
    leaving.value = ''
    if (lose) discard(policy)
    location.hash = to
  }
  return (
    <Ask
      title="The edit is not saved"
      onCancel={() => (leaving.value = '')}
      cancel="Stay"
      answers={[
        { text: 'Leave, and keep the edit', onClick: () => go(false) },
        { text: 'Discard the edit', onClick: () => go(true), danger: true },
      ]}
    >
      <p>
        You changed <Text>{draft.policy.name}</Text> and did not save it. The page keeps the edit until you close this
        tab.
      </p>
    </Ask>
  )
}
