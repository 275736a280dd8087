package main

import "strings"

// wrap puts a command's arguments into shell quotes where needed, and into lines that begin with an option.
func wrap(args []string) []string {
	const width = 110
	out := []string{"ffmpeg"}
	for i := 0; i < len(args); i++ {
		word := quoteShell(args[i])
		for i+1 < len(args) && !isOption(args[i+1]) {
			i++
			word += " " + quoteShell(args[i])
		}
		last := &out[len(out)-1]
		part := strings.HasPrefix(word, "-map ") || strings.HasPrefix(word, "-filter_complex ")
		if part || len(*last)+1+len(word) > width {
			out = append(out, word)
			continue
		}
		*last += " " + word
	}
	return out
}

// isOption tells an option's name from a value: -1 is a value.
func isOption(arg string) bool {
	return len(arg) > 1 && arg[0] == '-' && (arg[1] < '0' || arg[1] > '9')
}

func quoteShell(arg string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=+:,./@%"
	if arg != "" && strings.Trim(arg, plain) == "" {
		return arg
	}
	return "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
}
