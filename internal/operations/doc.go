// Package operations is long work as a resource: started in the transaction
// that needs it, run by a worker of any process, followed by its progress,
// cancelled, taken up again after a crash, and kept with its result.
package operations
