#!/usr/bin/env bash
# Systems outside that are not ours: a mail server and an HTTP receiver that tests deliver notices to, in Python, and a
# provider of OpenID Connect that they sign in with, in Node.
#
#   run.sh receive FOLDER [CERTIFICATE KEY]   see receive.py
#   run.sh verify SECRET FILE                 checks a received request by the Standard Webhooks library
#   run.sh provider SECRET                    see provider/provider.js
#
# OUTSIDE_CACHE names the folder for the libraries (default: target/outside of the workspace).
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${OUTSIDE_CACHE:-$here/../../target/outside}
venv=$cache/venv
modules=$cache/provider
mkdir -p "$cache"

# Tests run side by side, and the first of them installs.
exec 9>"$cache/lock"
flock 9
if [[ ${1-} == provider ]]; then
    wanted=$here/provider/package-lock.json
    if ! cmp -s "$wanted" "$modules/ready"; then
        mkdir -p "$modules"
        cp "$here/provider/package.json" "$wanted" "$modules/"
        npm ci --prefix "$modules" --no-audit --no-fund --ignore-scripts >&2
        cp "$wanted" "$modules/ready"
    fi
    exec 9>&-
    exec node "$here/provider/provider.js" "$modules" "$2"
fi
if [[ ! -e $venv/ready ]]; then
    python3 -m venv "$venv" >&2
    "$venv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: \
        "aiosmtpd==1.4.6" "standardwebhooks==1.1.0" >&2
    touch "$venv/ready"
fi
exec 9>&-

script=$1
shift
exec "$venv/bin/python" -u "$here/$script.py" "$@"
