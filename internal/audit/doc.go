// Package audit proves that the log is whole and keeps who read whose data
// (GDPR art. 5(2), 30 and 32): Verify recomputes the chain from the tables,
// ReadLog writes the reads of identifiable data without holding answers up.
package audit
