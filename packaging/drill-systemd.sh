#!/bin/sh
# Installs the package on a Debian 12 whose systemd is process 1, and does there what an administrator does: found, start, copy,
# restart, kill, reboot, upgrade, stop, audit, remove, purge. As root: drill-systemd.sh PACKAGE [ROOT]
#
# ROOT is a folder with a Debian 12, which stays as it is; without one debootstrap makes it (MIRROR names where from). Needs
# systemd-container, and ends with 0 when everything was as docs/install.md says.
set -eu

package=$1 work=$(mktemp -d) began=$(date +%s) nspawn=
machine=taizhang-drill-$$
trap 'finish' EXIT
trap 'exit 1' INT TERM

finish() {
    code=$?
    [ $code -eq 0 ] || { tail -n 20 "$work/console"; inside journalctl --no-pager -n 30; } 2>/dev/null || :
    [ -z "$nspawn" ] || { kill -TERM "$nspawn"; wait "$nspawn"; } 2>/dev/null || :
    rm -rf "$work"
}

say() { echo "$(($(date +%s) - began)) s: $*"; }
fail() { echo "FAILED: $*" >&2; exit 1; }

# The machine's process 1, which changes when it boots again.
leader() { pgrep -P "$nspawn" | head -n 1; }
inside() { nsenter -t "$(leader)" -a env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 "$@"; }
state() { inside systemctl is-active "$1" 2>/dev/null || :; }
pid() { inside systemctl show --value -p MainPID taizhang; }
program() { inside runuser -u taizhang -- taizhang --config /etc/taizhang/taizhang.toml "$@"; }

# WHAT SECONDS COMMAND: waits until it holds.
within() {
    what=$1 left=$(($2 * 5))
    shift 2
    until "$@" >/dev/null 2>&1; do
        left=$((left - 1))
        [ $left -gt 0 ] || fail "$what"
        sleep 0.2
    done
}
ready() { inside taizhang --config /etc/taizhang/taizhang.toml ready; }
fetch() { inside curl --silent --fail --max-time 10 "$@"; }
running() { [ "$(leader)" ] && inside systemctl is-system-running; }
# An old process has ended, and the service that took its place answers.
anew() { [ "$(pid)" != "$1" ] && [ "$(state taizhang)" = active ] && ready; }

if [ $# -gt 1 ]; then
    root=$2
else
    root=$work/debian
    debootstrap --variant=minbase --include=systemd,systemd-sysv,dbus,adduser,ca-certificates,curl bookworm \
        "$root" "${MIRROR:-http://deb.debian.org/debian}" >"$work/debootstrap"
    say "a Debian was made"
fi
cp -a "$root" "$work/machine"
boot() {
    systemd-nspawn --quiet --register=no --keep-unit --private-network --machine="$machine" \
        --directory="$work/machine" --console=read-only --boot >"$work/console" 2>&1 </dev/null &
    nspawn=$!
    within "the machine does not boot" 90 running
}
boot
say "$(inside systemctl --version | head -n 1) is process 1"

install -m 644 "$package" "$work/machine/root/old.deb"
inside apt-get install --yes --no-install-recommends /root/old.deb >"$work/apt" 2>&1 || { cat "$work/apt"; fail "installing"; }
[ "$(state taizhang)" = inactive ] || fail "the service is started before the installation is founded"
[ "$(inside stat -c '%U %a' /var/lib/taizhang)" = "taizhang 700" ] || fail "the data folder is not the account's"
say "the package is installed, and nothing runs"

# The demonstration year is something to serve.
program demo --quiet >"$work/demo" 2>&1 &
within "the demonstration is not loaded" 120 grep -q '^listening' "$work/demo"
inside sh -c 'kill $(pidof taizhang)'
wait $! || fail "the demonstration does not end well"
program password admin | grep -q 'one-time password' || fail "the administrator gets no password"
inside systemctl enable --now taizhang taizhang-backup.timer 2>/dev/null
within "the service does not answer" 30 ready
[ "$(fetch -o /dev/null -w '%{http_code}' http://127.0.0.1:8080/readyz)" = 200 ] || fail "/readyz"
say "the service runs and answers /readyz"

main=$(inside cat "/proc/$(pid)/status" | grep -E '^(Uid|CapEff|NoNewPrivs|Seccomp):' | tr -s '\t\n' '  ')
case $main in
*"CapEff: 0000000000000000 NoNewPrivs: 1 Seccomp: 2"*) ;;
*) fail "the sandbox is not in force: $main" ;;
esac
mounts=$(inside cat "/proc/$(pid)/mountinfo")
echo "$mounts" | grep -q ' / ro' || fail "the system's files can be written"
echo "$mounts" | grep -q ' /var/lib/taizhang rw' || fail "the data folder cannot be written"
say "sandboxed: $main"

# Somebody signs in, keeps evidence and reads it again.
word=$(sed -n 's/^beiyuan.operator  \([^ ]*\) .*/\1/p' "$work/demo")
fetch -o /dev/null --cookie-jar /root/jar -d "account=beiyuan.operator&password=$word" http://127.0.0.1:8080/sign-in
csrf=$(fetch --cookie /root/jar http://127.0.0.1:8080/market | sed -n 's/.*name="csrf-token" content="\([^"]*\)".*/\1/p')
printf '%%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%%%EOF\n' >"$work/machine/root/evidence.pdf"
digest=$(fetch --cookie /root/jar -H "x-csrf-token: $csrf" -H 'content-type: application/octet-stream' \
    --data-binary @/root/evidence.pdf http://127.0.0.1:8080/api/market/beiyuan/evidence | cut -d'"' -f4)
evidence() {
    fetch --cookie /root/jar "http://127.0.0.1:8080/api/market/beiyuan/evidence/$digest" |
        cmp - "$work/machine/root/evidence.pdf" || fail "the evidence is not what was kept"
}
evidence
say "evidence $(echo "$digest" | cut -c-12) was kept and read again"

for time in first second; do
    inside systemctl start taizhang-backup.service || fail "the $time copy"
done
[ "$(inside stat -c '%U %a' /var/backups/taizhang/taizhang.db)" = "taizhang 600" ] || fail "the copy can be read by others"
inside systemctl list-timers --no-pager | grep -q taizhang-backup.timer || fail "no copy is due"
say "a copy was made, and made again: $(inside stat -c %s /var/backups/taizhang/taizhang.db) bytes"

old=$(pid)
inside systemctl restart taizhang
within "not restarted" 30 anew "$old"
say "restarted"
old=$(pid)
inside systemctl kill --kill-whom=main --signal=KILL taizhang
within "not started again after it was killed" 30 anew "$old"
[ "$(inside systemctl show --value -p NRestarts taizhang)" = 1 ] || fail "it was started again more than once"
evidence
say "started again by systemd after kill -9"

inside systemctl poweroff >/dev/null 2>&1 || :
wait "$nspawn" || :
boot
within "the service does not start with the machine" 30 ready
evidence
say "started with the machine"

# The same program under a higher version.
dpkg-deb --raw-extract "$package" "$work/new"
sed -i 's/^Version: .*/&+drill/' "$work/new/DEBIAN/control"
dpkg-deb -Znone --root-owner-group --build "$work/new" "$work/machine/root/new.deb" >/dev/null
inside sed -i 's/^zone = .*/&\n# kept/' /etc/taizhang/taizhang.toml
old=$(pid)
inside apt-get install --yes --no-install-recommends /root/new.deb >"$work/apt" 2>&1 || { cat "$work/apt"; fail "upgrading"; }
within "the new version does not run" 30 anew "$old"
inside grep -q '# kept' /etc/taizhang/taizhang.toml || fail "the configuration was replaced"
[ "$(state taizhang-backup.timer)" = active ] || fail "the timer does not go on"
evidence
say "upgraded under a running service to $(inside dpkg-query -W -f '${Version}' taizhang)"

inside systemctl stop taizhang
[ "$(inside systemctl show --value -p Result taizhang)" = success ] || fail "it does not end well"
program audit | tail -n 1
! inside journalctl --no-pager -u taizhang -u taizhang-backup -p warning | grep -Ev '^-- |signal|status=9' | grep . ||
    fail "something was refused"
say "stopped and audited"

inside systemctl start taizhang
inside apt-get remove --yes taizhang >"$work/apt" 2>&1 || { cat "$work/apt"; fail "removing"; }
[ "$(state taizhang)" = inactive ] || fail "it runs after it was removed"
inside test -s /var/lib/taizhang/taizhang.db || fail "what was recorded went with the package"
inside apt-get purge --yes taizhang >"$work/apt" 2>&1 || { cat "$work/apt"; fail "purging"; }
for left in /var/lib/taizhang /var/backups/taizhang /etc/taizhang /usr/bin/taizhang; do
    ! inside test -e $left || fail "$left is left"
done
inside getent passwd taizhang >/dev/null || fail "the account is gone"
say "removed with what was recorded kept, and purged"
