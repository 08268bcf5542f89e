// Checks a C2SP tlog-proof or the consistency of two checkpoints with the packages that Go itself uses for its checksum
// database. It shares no code with crates/merkle; see verify.sh for how it is built and called.
package main

import (
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"otherverifier/note"
	"otherverifier/tlog"
)

const usage = "usage: inclusion KEY PROOF ENTRY | consistency KEY OLD NEW PROOF"

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("ok")
}

func run(args []string) error {
	if len(args) == 0 {
		return errors.New(usage)
	}
	files := make([]string, 0, len(args)-1)
	for _, name := range args[1:] {
		content, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		files = append(files, string(content))
	}
	switch {
	case args[0] == "inclusion" && len(files) == 3:
		return inclusion(files[0], files[1], files[2])
	case args[0] == "consistency" && len(files) == 4:
		return consistency(files[0], files[1], files[2], files[3])
	}
	return errors.New(usage)
}

func inclusion(key, file, entry string) error {
	head, signed, found := strings.Cut(file, "\n\n")
	if !found {
		return errors.New("proof file has no checkpoint")
	}
	lines := strings.Split(head, "\n")
	if lines[0] != "c2sp.org/tlog-proof@v1" {
		return errors.New("not a proof file")
	}
	lines = lines[1:]
	if len(lines) > 0 && strings.HasPrefix(lines[0], "extra ") {
		lines = lines[1:]
	}
	if len(lines) == 0 || !strings.HasPrefix(lines[0], "index ") {
		return errors.New("proof file has no index")
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[0], "index "), 10, 64)
	if err != nil {
		return err
	}
	proof, err := hashes(lines[1:])
	if err != nil {
		return err
	}
	tree, err := open(key, signed)
	if err != nil {
		return err
	}
	return tlog.CheckRecord(proof, tree.size, tree.root, index, tlog.RecordHash([]byte(entry)))
}

func consistency(key, oldSigned, newSigned, file string) error {
	proof, err := hashes(strings.Split(strings.TrimSuffix(file, "\n"), "\n"))
	if err != nil {
		return err
	}
	older, err := open(key, oldSigned)
	if err != nil {
		return err
	}
	newer, err := open(key, newSigned)
	if err != nil {
		return err
	}
	if older.origin != newer.origin {
		return errors.New("checkpoints of different trees")
	}
	return tlog.CheckTree(proof, newer.size, newer.root, older.size, older.root)
}

type checkpoint struct {
	origin string
	size   int64
	root   tlog.Hash
}

// open checks the signature and reads the three lines of the checkpoint. Not tlog.ParseTree: that one wants the origin
// of Go's own database.
func open(key, signed string) (checkpoint, error) {
	verifier, err := note.NewVerifier(strings.TrimSuffix(key, "\n"))
	if err != nil {
		return checkpoint{}, err
	}
	opened, err := note.Open([]byte(signed), note.VerifierList(verifier))
	if err != nil {
		return checkpoint{}, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[3] != "" {
		return checkpoint{}, errors.New("checkpoint is not three lines")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return checkpoint{}, err
	}
	root, err := tlog.ParseHash(lines[2])
	return checkpoint{lines[0], size, root}, err
}

func hashes(lines []string) ([]tlog.Hash, error) {
	var all []tlog.Hash
	for _, line := range lines {
		if line == "" {
			continue
		}
		bytes, err := base64.StdEncoding.Strict().DecodeString(line)
		if err != nil || len(bytes) != tlog.HashSize {
			return nil, fmt.Errorf("not a hash: %q", line)
		}
		all = append(all, tlog.Hash(bytes))
	}
	return all, nil
}
