// Package isolationtest proves, for every operation of the contract, that
// nobody learns or changes what is not theirs: another institution's records, a
// hidden department's, a restricted contact's. It proves it three times: as the
// program is, without the program's own predicates, and without row-level
// security, since either wall must hold alone. What it asks is made from the
// operation table, so that an operation added to the contract is walked without
// being named here, or fails until it can be.
package isolationtest
