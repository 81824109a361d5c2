import { address } from '../address'
import { RequestPage } from './request'
import { RequestTable } from './requests-list'
import './world.css'
import './requests.css'

export function Requests() {
  const { item } = address.value
  return item ? <RequestPage id={item} key={item} /> : <RequestTable />
}
