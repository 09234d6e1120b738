// Package sdktest compiles the clients of sdk/ and lets them speak to the
// program. They are outside the module of the program, so that whoever uses them
// gets nothing of it; so their own tests run as commands of their own.
package sdktest
