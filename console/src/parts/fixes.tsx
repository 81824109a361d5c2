// The ways to fix a refusal, a tab for each form: as commands, in a template, in code.

import { useId, useRef, useState } from 'preact/hooks'
import type { Fix } from '../api'
import { Text } from '../text'
import { Copy } from './copy'
import './parts.css'

const titles: Record<string, string> = {
  cli: 'AWS CLI',
  sam: 'SAM',
  cloudformation: 'CloudFormation',
  terraform: 'Terraform',
  cdk: 'CDK',
  json: 'Policy statement',
}

export function Fixes({ fixes }: { fixes: Fix[] }) {
  const [chosen, setChosen] = useState(0)
  const tabs = useRef<HTMLDivElement>(null)
  const id = useId()
  const at = Math.min(chosen, fixes.length - 1)
  const fix = fixes[at]
  if (!fix) return null
  if (fixes.every(({ texts }) => texts.length === 0)) {
    return <Sentences texts={[...new Set(fixes.flatMap(({ sentences }) => sentences))]} /> // of every form
  }
  const choose = (to: number) => {
    setChosen(to)
    ;(tabs.current?.children[to] as HTMLElement | undefined)?.focus()
  }
  const onKeyDown = (event: KeyboardEvent) => {
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: fixes.length - 1 }[event.key]
    if (to === undefined) return
    event.preventDefault()
    choose((to + fixes.length) % fixes.length)
  }
  return (
    <>
      <div class="tabs" role="tablist" aria-label="Forms of the fix" ref={tabs} onKeyDown={onKeyDown}>
        {fixes.map(({ form }, i) => (
          <button
            type="button"
            role="tab"
            key={form}
            id={`${id}-${form}`}
            aria-selected={i === at}
            aria-controls={id}
            tabIndex={i === at ? 0 : -1}
            onClick={() => choose(i)}
          >
            {titles[form] ?? form}
          </button>
        ))}
      </div>
      <div role="tabpanel" id={id} aria-labelledby={`${id}-${fix.form}`}>
        {fix.texts.map((text, i) => (
          <div class="code" key={i}>
            <pre tabIndex={0} aria-label={titles[fix.form] ?? fix.form}>
              <Text>{text}</Text>
            </pre>
            <Copy text={text} label={`${titles[fix.form] ?? fix.form}, ${i + 1} of ${fix.texts.length}`} />
          </div>
        ))}
        <Sentences texts={fix.sentences} />
      </div>
    </>
  )
}

function Sentences({ texts }: { texts: string[] }) {
  return (
    <>
      {texts.map((text) => (
        <p key={text}>
          <Text>{text}</Text>
        </p>
      ))}
    </>
  )
}
