// The view of functions: the list of all, or the one that the address names.

import { address } from '../address'
import { FunctionPage } from './functions-one'
import { FunctionTable } from './functions-list'
import './world.css'
import './functions.css'

export function Functions() {
  const { item } = address.value
  return item ? <FunctionPage key={item} arn={item} /> : <FunctionTable />
}
