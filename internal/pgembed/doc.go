// Package pgembed runs the private PostgreSQL of a machine that has no database
// server to point at.
//
// It finds PostgreSQL on the machine (or fetches it), creates a cluster in a
// folder, starts it on a Unix socket that only its own account can reach, and
// ties its life to the process that started it: when that process ends, even by
// kill -9, PostgreSQL stops in an orderly way. The same launcher serves
// `parvis serve` (durable) and the tests (fast, nothing kept).
//
// What lies in Config.DataDir:
//
//	cluster/    the PostgreSQL data directory
//	run/        the socket, when its path is short enough for a socket
//	log/        one log file a weekday, each overwritten after a week
//	server.log  what PostgreSQL said before its log file was open
//	lock        held while a server runs on this folder
//	socket      where the socket is when it is not in run/
//	location    where the folder is when it could not be here (see Start)
package pgembed
