# Makes one version of a package, as somebody who packs for Debian does: package.sh FOLDER NAME VERSION FAULT
#
# `ringway-web` is a service with a configuration file and an init script; every other name is a library of one file.
# FAULT is `none`, or what is wrong with this version: `mute` answers nothing of what it is asked for, `broken` does not
# configure.
set -eu
folder=$1 name=$2 version=$3 fault=$4
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
umask 022
chmod 755 "$tree"
mkdir -p "$tree/DEBIAN" "$tree/usr/share/$name"
cat >"$tree/DEBIAN/control" <<EOF
Package: $name
Version: $version
Architecture: all
Maintainer: Nobody <nobody@example.org>
Priority: optional
Section: web
Description: what the tests of Ringway install
EOF
echo "$version" >"$tree/usr/share/$name/version"

if [ "$name" = ringway-web ]; then
    mkdir -p "$tree/etc/ringway-web" "$tree/etc/init.d" "$tree/usr/lib/ringway-web"
    # A version whose packer moved the pages, and told nobody.
    pages=$tree/usr/share/ringway-web/pages
    [ "$fault" != mute ] || pages=$tree/usr/share/ringway-web/moved
    mkdir -p "$tree/usr/share/ringway-web/pages" "$pages"
    echo "ok $version" >"$pages/health"
    echo "$version" >"$tree/usr/share/ringway-web/pages/version"
    echo '# Where it listens.
LISTEN=127.0.0.1:80' >"$tree/etc/ringway-web/listen"
    printf '%s\n' /etc/ringway-web/listen /etc/init.d/ringway-web >"$tree/DEBIAN/conffiles"
    cat >"$tree/usr/lib/ringway-web/serve" <<'EOF'
#!/bin/sh
set -eu
. "${DPKG_ROOT-}/etc/ringway-web/listen"
exec busybox httpd -f -p "$LISTEN" -h "${DPKG_ROOT-}/usr/share/ringway-web/pages"
EOF
    cat >"$tree/etc/init.d/ringway-web" <<'EOF'
#!/bin/sh
### BEGIN INIT INFO
# Provides:          ringway-web
# Required-Start:    $network
# Required-Stop:     $network
# Default-Start:     2 3 4 5
# Default-Stop:      0 1 6
# Short-Description: answers whether it is well
### END INIT INFO
pid=${DPKG_ROOT-}/run/ringway-web.pid
case $1 in
    start)
        start-stop-daemon --start --quiet --oknodo --pidfile "$pid" --make-pidfile --background \
            --startas "${DPKG_ROOT-}/usr/lib/ringway-web/serve"
        # It has started when it listens.
        . "${DPKG_ROOT-}/etc/ringway-web/listen"
        tries=0
        until busybox wget -q -O /dev/null "http://$LISTEN/version"; do
            tries=$((tries + 1))
            [ "$tries" -lt 300 ] || exit 1
            sleep 0.1
        done
        ;;
    stop) start-stop-daemon --stop --quiet --oknodo --retry TERM/5/KILL/5 --remove-pidfile --pidfile "$pid" ;;
    restart) "$0" stop && "$0" start ;;
    status) start-stop-daemon --status --pidfile "$pid" ;;
    *) echo "usage: $0 start|stop|restart|status" >&2; exit 2 ;;
esac
EOF
    chmod 755 "$tree/usr/lib/ringway-web/serve" "$tree/etc/init.d/ringway-web"
    cat >"$tree/DEBIAN/prerm" <<'EOF'
#!/bin/sh
set -e
systemctl stop -- ringway-web
EOF
    cat >"$tree/DEBIAN/postinst" <<'EOF'
#!/bin/sh
set -e
[ "$1" = configure ] || exit 0
systemctl restart -- ringway-web
EOF
    if [ "$fault" = broken ]; then
        echo 'echo "ringway-web: the database has another format" >&2; exit 1' >>"$tree/DEBIAN/postinst"
    fi
    chmod 755 "$tree/DEBIAN/prerm" "$tree/DEBIAN/postinst"
fi
(cd "$tree" && find . -type f ! -path './DEBIAN/*' -printf '%P\0' | sort -z | xargs -0 md5sum >DEBIAN/md5sums)
mkdir -p "$folder"
dpkg-deb --root-owner-group --build "$tree" "$folder/${name}_${version}_all.deb" >/dev/null
