#!/bin/sh
# Makes the Debian package of a program that was built: build-deb.sh PROGRAM FOLDER. `cargo xtask deb` calls it.
#
# dpkg-deb alone, since all of it is a list of files: a tool of two hundred crates would have to be built for no more.
set -eu

program=$1 folder=$2
here=$(cd "$(dirname "$0")" && pwd)
version=$("$program" --version | cut -d' ' -f2)
architecture=$(dpkg --print-architecture)
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
chmod 755 "$root"

put() { # MODE FILE TARGET
    install -D -m "$1" "$2" "$root$3"
}

put 755 "$program" /usr/bin/taizhang
strip --strip-unneeded "$root/usr/bin/taizhang"
for unit in taizhang.service taizhang-backup.service taizhang-backup.timer; do
    put 644 "$here/$unit" "/usr/lib/systemd/system/$unit"
    sed -i 's,/usr/local/bin/,/usr/bin/,' "$root/usr/lib/systemd/system/$unit"
done
put 644 "$here/taizhang.toml" /etc/taizhang/taizhang.toml
put 644 "$here/taizhang.logrotate" /etc/logrotate.d/taizhang
put 644 "$here/alerts.yml" /usr/share/taizhang/alerts.yml
for page in install security scale-out witness promises; do
    put 644 "$here/../docs/$page.md" "/usr/share/doc/taizhang/$page.md"
done
put 644 "$here/../docs/citus.sql" /usr/share/doc/taizhang/citus.sql
put 644 "$here/../CHANGELOG.md" /usr/share/doc/taizhang/changelog
gzip -9n "$root/usr/share/doc/taizhang/changelog"
{
    echo "Taizhang is offered under the Apache License 2.0 or the MIT license, as you choose."
    echo "The first is in /usr/share/common-licenses/Apache-2.0; the second is:"
    echo
    cat "$here/../LICENSE-MIT"
} >"$root/usr/share/doc/taizhang/copyright"
chmod 644 "$root/usr/share/doc/taizhang/copyright"

# What the program is linked to, with the versions that it needs.
work=$(mktemp -d)
mkdir "$work/debian"
echo "Source: taizhang" >"$work/debian/control"
depends=$(cd "$work" && dpkg-shlibdeps -O "$root/usr/bin/taizhang" 2>/dev/null | sed -n 's/^shlibs:Depends=//p')
rm -r "$work"

mkdir "$root/DEBIAN"
sed -e "s/@VERSION@/$version/" -e "s/@ARCHITECTURE@/$architecture/" -e "s/@DEPENDS@/$depends/" \
    "$here/debian/control" >"$root/DEBIAN/control"
install -m 644 "$here/debian/conffiles" "$root/DEBIAN/conffiles"
for script in postinst prerm postrm; do
    install -m 755 "$here/debian/$script" "$root/DEBIAN/$script"
done
mkdir -p "$folder"
dpkg-deb --root-owner-group -Z"${COMPRESSION:-xz}" --build "$root" "$folder/taizhang_${version}_$architecture.deb"
