package awsapi

// Repaired is how policies of endpoints that stand in for AWS are read.
var Repaired = repaired
