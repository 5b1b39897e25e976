# Gives a host a system of packages of its own: host.sh ARCHIVES LISTEN, run on the host, in its home.
#
# The programs are the real ones, and so are their databases; what is below `system` is what they take for `/`.
# Nothing of the machine itself is changed: fakeroot lets files there be root's. Programs that only root may use do
# nothing without `sudo`, as on every host.
set -eu
archives=$1 listen=$2
home=$PWD
system=$home/system
mkdir -p "$system/var/lib/dpkg/info" "$system/var/lib/dpkg/updates" "$system/var/lib/dpkg/triggers" \
    "$system/var/lib/apt/lists/partial" "$system/var/cache/apt/archives/partial" "$system/var/log/apt" \
    "$system/etc/apt/apt.conf.d" "$system/etc/apt/preferences.d" "$system/etc/apt/trusted.gpg.d" \
    "$system/etc/ringway-web" "$system/run"
: >"$system/var/lib/dpkg/status"
: >"$system/var/lib/dpkg/available"
for archive in "$archives"/*; do
    echo "deb [trusted=yes] file:$archive ./"
done >"$system/etc/apt/sources.list"
printf '# Where it listens.\nLISTEN=%s\n' "$listen" >"$system/etc/ringway-web/listen"
cat >"$system/apt.conf" <<EOF
Dir "$system";
Dir::State::status "$system/var/lib/dpkg/status";
Dir::Bin::dpkg "$home/bin/dpkg";
Dir::Log "$system/var/log/apt";
APT::Sandbox::User "root";
APT::Architecture "$(dpkg --print-architecture)";
DPkg::Path "$home/bin:/usr/sbin:/usr/bin:/sbin:/bin";
EOF

# Commands of a host's own, before those that all hosts share.
shared=$(readlink bin)
rm bin
mkdir bin
for command in "$shared"/*; do
    ln -s "$command" "bin/${command##*/}"
done
put() {
    cat >"bin/$1"
    chmod 755 "bin/$1"
}
# Who somebody is, as far as `sudo` says so.
put id <<'EOF'
#!/bin/sh
if [ "$*" = -u ] && [ "${FARM_SUDO_AS-}" = root ]; then
    echo 0
else
    exec /usr/bin/id "$@"
fi
EOF
as_root() {
    put "$1" <<EOF
#!/bin/sh
[ "\${FARM_SUDO_AS-}" = root ] || { echo "$1: only root may do this" >&2; exit 100; }
export APT_CONFIG='$system/apt.conf' DPKG_ROOT='$system'
[ -z "\${FAKEROOTKEY-}" ] || exec $2 "\$@"
exec fakeroot -- $2 "\$@"
EOF
}
as_root apt-get /usr/bin/apt-get
as_root dpkg "/usr/bin/dpkg --root='$system' --force-not-root --force-script-chrootless --log='$system/var/log/dpkg.log'"
put apt-cache <<EOF
#!/bin/sh
APT_CONFIG='$system/apt.conf' exec /usr/bin/apt-cache "\$@"
EOF
put dpkg-query <<EOF
#!/bin/sh
exec /usr/bin/dpkg-query --admindir='$system/var/lib/dpkg' "\$@"
EOF
# Units are init scripts. A service is no child of whoever pretends that files are root's.
put systemctl <<EOF
#!/bin/sh
unset LD_PRELOAD FAKEROOTKEY FAKED_MODE
export DPKG_ROOT='$system'
action=\$1
shift
for unit in "\$@"; do
    case \$unit in -*) shift ;; esac
done
case \$action in
    reboot) exec '$home/bin/reboot' ;;
    is-active) action=status ;;
esac
exec '$system/etc/init.d/'"\$1" "\$action" </dev/null >>'$system/var/log/units' 2>&1
EOF
