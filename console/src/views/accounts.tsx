export function Accounts() {
  return <h2>Accounts</h2>
}
