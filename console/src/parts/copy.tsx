// A button that copies a text, and says so.

import { useEffect, useState } from 'preact/hooks'
import './parts.css'

const saidFor = 2000 // milliseconds

export function Copy({ text, label }: { text: string; label: string }) {
  const [said, setSaid] = useState('')
  useEffect(() => {
    if (!said) return
    const timer = setTimeout(() => setSaid(''), saidFor)
    return () => clearTimeout(timer)
  }, [said])
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text)
      setSaid('Copied')
    } catch {
      setSaid('Not copied: the browser forbids it')
    }
  }
  return (
    <>
      <button type="button" class="small" title={label} onClick={copy}>
        {said || 'Copy'}
        <span class="sr">: {label}</span>
      </button>
      <span class="sr" role="status">
        {said}
      </span>
    </>
  )
}
