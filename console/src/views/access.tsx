export function Access() {
  return <h2>Access</h2>
}
