// Package architecture is a test and nothing else: it reads the imports of every
// package of this module, for each system that Bident is built for, and fails if
// one points in a direction that its rule does not allow. The rules are the list
// in rule_test.go, each with its reason. A package without a rule fails too, so
// that whoever adds one decides where it stands.
//
// It also holds the layout: which directories may hold Go code, that each package
// tells what it is, that no file or package is a drawer for odds and ends, and
// that the code in the README is code that is tested.
package architecture
