// What the server tells the console and does for it: the JSON below /_furl/v1/ (docs/console.md). Fields are only added.
// Every request carries the header "Authorization: Bearer TOKEN", with the token of a console session or the page token.
// An error is a status of 4xx or 5xx with an ErrorAnswer.

/** Text from outside may hold any character. It is shown as text, with control characters made visible. */
export type Outside = string

export interface ErrorAnswer {
  message: string
}

// POST /_furl/v1/ticket, without a body and with the page token, not that of a session: a Ticket, as furl console asks for.
// POST /_furl/v1/ticket/use, with a Ticket and the page token: {used: boolean}, when it is used or its minute is over.
// POST /_furl/v1/session, with a Ticket and without Authorization: a ticket is good once, for a minute.
export interface Ticket {
  ticket: string
}
export interface Session {
  token: string
  expires: string // RFC 3339, as all times
}

// GET /_furl/v1/server
export interface Server {
  version: string
  endpoint: string // of function URLs in path style and of the APIs
  region: string
  accounts: string[]
  edit: boolean // serve --console=edit: replay and saving are allowed
  now: string
  functions: number
  urls: number
}

export type Verdict = 'ok' | 'warning' | 'refused' | 'failed'

// GET /_furl/v1/requests?limit=&before=&function=&status=&caller=&text=&api=1&probes=1, newest first.
// function is a name or an ARN, status one of 200 or 4xx, caller and text are parts of what is shown, in whatever case.
// API calls and furl's own probes are left out unless api=1 or probes=1.
export interface RequestList {
  requests: RequestLine[]
  before?: string // of the next page
  kept: number // how many requests the server keeps
}
// GET /_furl/v1/requests/live, the same filters: server-sent events named "request" with a RequestLine each, and
// comments in between that keep the connection alive. A reader that is too slow misses the oldest.
export interface RequestLine {
  id: string
  time: string
  method: Outside
  target: Outside
  host: Outside
  sourceIp: string
  function?: string // ARN with the URL's qualifier; none if no function URL was found
  operation?: string // of an API call, such as lambda:CreateFunction
  caller?: Outside // ARN; none if it is not known
  status: number
  errorType?: string
  micros: number
  verdict: Verdict // the worst of all steps
  reason?: Outside // what decided, in one line
  api: boolean
  probe: boolean
}

// GET /_furl/v1/requests/ID
export interface RequestDetail extends RequestLine {
  steps: Step[] // in their order; a step that was not reached is not there
  fixes: Fix[]
  event?: Kept // what the function got, as JSON
  request?: Message // what the client sent, without secrets
  answer?: Message
  logs: LogLine[] // of this request, from START to REPORT; empty if there are none yet
  replay: Replayable
}

export interface Step {
  step: 'route' | 'authenticate' | 'authorize' | 'event' | 'invoke' | 'response' | string
  verdict: Verdict
  summary: Outside
  details: Outside[]
  micros: number
  mismatch?: Mismatch // of authenticate
  decision?: Decision // of authorize: one step for each action
}

/** Why a signature does not match. */
export interface Mismatch {
  fault?: string
  explanation?: Outside
  certainty?: string // how sure that is
  server?: Outside // the canonical request that the server made, in lines; session tokens are hidden
  client?: Outside // the one that the client signed, if it told or if it was found out
  // differ are the bytes that differ, in UTF-8 bytes of server and client; [from, to) of each.
  differ: { server: [number, number]; client: [number, number] }[]
}

/** What the policies said to one action. */
export interface Decision {
  action: string
  allowed: boolean
  summary: Outside // what decided
  asked: string[] // all policies that were asked, by name
  allowing: Outside[] // statements that matched
  denying: Outside[]
  grounds: Outside[] // why each of denying did
  misses: Miss[] // statements that nearly allowed
  notes: Outside[] // of the other action and of other qualifiers
}
export interface Miss {
  statement: Outside // such as: statement "x" of the function's resource-based policy
  text: Outside // all of it in one sentence
  failures: { what: string; wanted: Outside; got: Outside }[] // what did not match, such as aws:SourceIp
}

export interface Fix {
  form: 'cli' | 'json' | 'sam' | 'cloudformation' | 'terraform' | 'cdk' | string // json is a policy statement
  texts: Outside[] // to copy; empty if the form cannot say it
  sentences: Outside[] // what else to do
}

/** A text of which only the beginning may be kept. */
export interface Kept {
  text: Outside
  base64?: boolean // text is base64 of bytes that are not UTF-8
  bytes: number // of all of it
  cut: boolean
  hidden?: boolean // something in text is hidden, which stands there as (hidden)
}
export interface Message {
  method?: Outside // of a request
  target?: Outside
  status?: number // of an answer
  headers: [Outside, Outside][]
  hidden?: Outside[] // names of headers whose values are hidden, in whole or in part
  cut?: boolean // there are more headers, or more of the target
  body: Kept
}
export interface LogLine {
  time: string
  stream: 'stdout' | 'stderr' | 'platform' | string
  text: Outside
  version?: string
  function?: string
  requestId?: string
  level?: string
}

export interface Replayable {
  possible: boolean
  why?: string // it is not, or what is missing from the request (hidden headers)
  hidden: string[] // headers whose values are not kept
  callers: string[] // ARNs of the callers of whom the server has keys, the request's own first; "" is nobody
}

// GET /_furl/v1/requests/ID/code?form=: a RequestCode. Keys are variables of the environment in it.
export type CodeForm = 'furl' | 'curl' | 'python' | 'js' | 'go'
export interface RequestCode {
  form: CodeForm
  text: Outside
  note?: string
}

// POST /_furl/v1/requests/ID/replay with a Replay. Only with edit.
export interface Replay {
  caller: string // an ARN of Replayable.callers or of GET /_furl/v1/callers, or "" for nobody
  method?: string // what is not given is as it was
  target?: string
  headers?: [string, string][]
  body?: string
  base64?: boolean // of body
}
export interface Replayed {
  requestId?: string // whose detail says what happened
  answer: Message
}
// GET /_furl/v1/callers?search=&limit=&offset=: users, roles and root users that the server can sign for.
export interface CallerList {
  callers: string[]
  total: number
}

// GET /_furl/v1/functions?search=&account=&region=&limit=&offset=, by name. search is a part of the name or the ARN, or
// the id of a URL. A page of a list has 50 entries, and 200 at most.
export interface FunctionList {
  functions: FunctionLine[]
  total: number
}
export interface FunctionLine {
  arn: string
  name: string
  account: string
  region: string
  runtime: string // or "upstream"
  state: string
  urls: FunctionURL[]
  calls: number // in the last ten minutes, as errors
  errors: number
}
export interface FunctionURL {
  qualifier: string // "" or the alias
  url: string
  authType: 'AWS_IAM' | 'NONE'
  invokeMode: 'BUFFERED' | 'RESPONSE_STREAM'
}

// GET /_furl/v1/function?arn=
export interface FunctionDetail extends FunctionLine {
  handler: string
  role: string
  memory: number // MB
  timeout: number // seconds
  description: Outside
  modified: string
  layers: string[]
  codeDir?: string // that its code runs from in place
  upstream?: string // the address of the web server that it is
  versions: FunctionVersion[] // newest first, 100 at most
  aliases: Alias[]
  environments: Environments[]
  concurrency: Concurrency
  traffic: Traffic
}
export interface FunctionVersion {
  version: string
  description: Outside
  modified: string
  sha256: string
}
export interface Alias {
  name: string
  weights: { version: string; weight: number }[] // 0 to 1, together 1
}
export interface Environments {
  version: string
  stages: { stage: string; count: number }[] // stages of an environment's life, such as idle
}
export interface Concurrency {
  inUse: number
  limit: number // the reserved one, or what the account has left for it; 0 is none if it is not reserved
  reserved: boolean
  provisioned: { qualifier: string; requested: number; available: number; status: string }[]
}
/** The last ten minutes, oldest first: one entry for each of the seconds. */
export interface Traffic {
  from: string
  seconds: number // of one entry
  calls: number[]
  errors: number[] // refusals, failures and answers of 5xx
  p50: number[] // latency in microseconds, off by 1/16 at most; 0 without calls
  p99: number[]
}
// GET /_furl/logs?follow=1&function=ARN&lines=100 with "Accept: application/json": LogLines, one JSON object a line.

// GET /_furl/v1/access?callers=&urls=&callerSearch=&callerOffset=&callerLimit=&urlSearch=&urlOffset=&urlLimit=, the
// matrix of the callers and URLs in view, at most 40 × 40: those that callers and urls name by ARN and id, each as often
// as there are, or a page of those that a search finds. A cell is about a call from this machine, now; "depends" says that a
// condition on the request decides.
export interface Access {
  callers: AccessCaller[]
  totalCallers: number
  urls: AccessURL[]
  totalUrls: number
  cells: AccessCell[][] // a row for each caller
}
export interface AccessCaller {
  arn: string // of a user, role or root user; * is everybody without a signature
  account: string
  kind: 'user' | 'role' | 'root' | 'everyone' | string
}
export interface AccessURL {
  id: string // of the URL
  function: string // ARN with the qualifier
  name: string // for people, with the alias
  authType: 'AWS_IAM' | 'NONE'
}
export type Standing = 'may call' | 'depends' | 'could not look' | 'may not call'
export interface AccessCell {
  standing: Standing
  url: Standing // of lambda:InvokeFunctionUrl
  invoke: Standing // of lambda:InvokeFunction
}
// GET /_furl/v1/access/cell?caller=ARN&url=ID: why a cell is as it is, in the words of furl check and furl explain.
export interface AccessWhy {
  caller: string
  url: AccessURL
  cell: AccessCell
  steps: {
    status: 'ok' | 'problem' | 'unknown' | string
    title: string
    summary: Outside
    details: Outside[]
    fix: Outside[]
  }[]
  fixes: Fix[]
  policies: PolicyRef[] // that decide about it, those that can be edited
}
/** A policy that the console can show and, with edit, save. */
export interface PolicyRef {
  id: string // opaque, for the addresses below
  kind: 'resource' | 'inline' | 'managed' | 'trust' | 'boundary' | string
  name: string // for people: inline policy "x" of user alice
  account: string
}
// GET /_furl/v1/policy?id=
export interface Policy extends PolicyRef {
  document: Outside // indented JSON; "" if there is none yet
  revision: string
  editable: boolean
  why?: string // it is not editable
  lint: Lint[]
}
export interface Lint {
  rule: string
  severity: 'error' | 'warning' | 'info' | string
  line: number // in document, 1 is the first; 0 if not known
  text: Outside
  fix?: Outside
}
// POST /_furl/v1/access/what-if with a WhatIf: which of the cells would change. Nothing is saved.
export interface WhatIf {
  policy: string // its id
  document: string // "" for none
  callers: string[]
  urls: string[]
}
export interface WhatIfAnswer {
  error?: { text: string; line: number } // of the document; then there are no cells
  lint: Lint[]
  changes: { caller: string; url: string; before: AccessCell; after: AccessCell }[]
}
// PUT /_furl/v1/policy with a SavePolicy; only with edit. 409 if it changed meanwhile.
export interface SavePolicy {
  id: string
  document: string
  revision: string // that it was read with
}

// GET /_furl/v1/accounts
export interface AccountList {
  accounts: {
    account: string
    users: number
    roles: number
    groups: number
    policies: number
    sessions: number
    functions: number
  }[]
}
// GET /_furl/v1/accounts/ID/KIND?search=&limit=&offset=, where KIND is users, roles, groups, policies or sessions.
export interface EntityList {
  entities: Entity[]
  total: number
}
export interface Entity {
  arn: string
  name: string
  kind: 'user' | 'role' | 'group' | 'policy' | 'session'
  created?: string
  expires?: string // of a session
  principal?: string // of a session: the role or user
  keys?: { id: string; status: string; lastUsed?: string }[] // of a user, without secrets
  groups?: string[]
  members?: string[] // of a group, 100 at most
  boundary?: string
  tags?: [Outside, Outside][]
  policies: PolicyRef[]
  findings: number // of lint, in all of its policies
}
