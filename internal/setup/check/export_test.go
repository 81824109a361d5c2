package check

// Rules are the rules of reports.
var Rules = rules
