// Package rights decides who has which role: roles, teams, and assignments that
// are asked for, decided by somebody else, reviewed, and end. What a role lets
// its holders do is added up by package access, for each request.
package rights
