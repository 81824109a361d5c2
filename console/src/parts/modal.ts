// A dialog that is open as long as it is there; the focus goes back to where it was.

import { useEffect, useRef } from 'preact/hooks'

export function useModal() {
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    const back = document.activeElement
    dialog.current?.showModal()
    return () => {
      if (back instanceof HTMLElement && back.isConnected) back.focus()
    }
  }, [])
  return dialog
}
