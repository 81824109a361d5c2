// The request as a command or a few lines of a program. Keys are variables of the environment there.

import { useId, useState } from 'preact/hooks'
import type { CodeForm, RequestCode } from '../api'
import { query } from '../client'
import { useLoad } from '../load'
import { Copy } from '../parts/copy'
import { Problem } from '../parts/states'
import { Text } from '../text'

const forms: [CodeForm, string][] = [
  ['furl', 'furl call'],
  ['curl', 'curl'],
  ['python', 'Python (botocore, requests)'],
  ['js', 'JavaScript (aws4fetch)'],
  ['go', 'Go'],
]

export function Code({ id, possible, why }: { id: string; possible: boolean; why?: string }) {
  const [form, setForm] = useState<CodeForm | ''>('')
  const path = form && 'v1/requests/' + encodeURIComponent(id) + '/code' + query({ form })
  const { value: code, error } = useLoad<RequestCode>(path)
  const choice = useId()
  if (!possible && why) {
    return (
      <p class="quiet">
        <Text>{why}</Text>
      </p>
    )
  }
  return (
    <>
      <fieldset class="request-forms">
        <legend class="sr">As what</legend>
        {forms.map(([name, title]) => (
          <label key={name}>
            <input type="radio" name={choice} checked={form === name} onChange={() => setForm(name)} /> {title}
          </label>
        ))}
      </fieldset>
      {error && <Problem message={error} />}
      {code && code.form === form && (
        <>
          {code.note && (
            <p class="quiet">
              <Text>{code.note}</Text>
            </p>
          )}
          <div class="code">
            <pre tabIndex={0} aria-label="Code">
              <Text>{code.text}</Text>
            </pre>
            <Copy text={code.text} label="the code" />
          </div>
        </>
      )}
    </>
  )
}
