// A field that searches as one types, after a pause.

import { useEffect, useRef, useState } from 'preact/hooks'

const pause = 250 // milliseconds

export function SearchField(props: { label: string; hint: string; value: string; onSearch: (text: string) => void }) {
  const [text, setText] = useState(props.value)
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined)
  const sent = useRef(props.value)
  useEffect(() => {
    if (props.value === sent.current) return
    sent.current = props.value // somebody followed a link
    setText(props.value)
  }, [props.value])
  useEffect(() => () => clearTimeout(timer.current), [])
  const search = (text: string) => {
    sent.current = text.trim()
    props.onSearch(text.trim())
  }
  return (
    <label class="world-search">
      {props.label}
      <input
        type="search"
        value={text}
        placeholder={props.hint}
        spellcheck={false}
        autocomplete="off"
        onInput={(event) => {
          const typed = event.currentTarget.value
          setText(typed)
          clearTimeout(timer.current)
          timer.current = setTimeout(() => search(typed), pause)
        }}
        onKeyDown={(event) => {
          if (event.key !== 'Enter') return
          clearTimeout(timer.current)
          search(text)
        }}
      />
    </label>
  )
}
