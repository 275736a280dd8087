// Package config reads channel files: strictly, with every problem told at once and its line.
package config
