# What there is to know of a host at a glance: lines of a word and its value. Changes nothing. Told by the environment:
# ROOT, the host's root, absolute or below the directory this starts in.

fact() {
	printf '%s %s\n' "$1" "$2"
}

fact user "$(id -un 2>/dev/null || id -u)"

shell=$(readlink -f /bin/sh 2>/dev/null) || shell=/bin/sh
fact shell "$shell"
if [ -n "${BASH_VERSION:-}" ]; then
	fact version "$BASH_VERSION"
elif [ "${shell##*/}" = busybox ]; then
	fact version "$(busybox 2>&1 | head -n 1)"
elif command -v dpkg-query >/dev/null; then
	fact version "$(dpkg-query -W -f='${Version}' "${shell##*/}" 2>/dev/null)"
fi

for tool in flock setsid mkfifo dd sync ln mv rm mkdir cat wc head tail tr find date sleep; do
	command -v "$tool" >/dev/null || fact missing "$tool"
done
[ -r /proc/self/stat ] || fact missing /proc
[ -r /proc/sys/kernel/random/boot_id ] || fact missing /proc/sys/kernel/random/boot_id

fact now "$(date +%s)"

case $ROOT in /*) ;; *) ROOT=$PWD/$ROOT ;; esac
[ ! -e "$ROOT/owner" ] || fact owner "$(cat "$ROOT/owner")"
there=$ROOT
while [ -n "$there" ] && [ ! -d "$there" ]; do
	there=${there%/*}
done
set -- $(df -Pk "${there:-/}" 2>/dev/null | tail -n 1)
fact kilobytes "${4:-}"
set -- $(df -Pi "${there:-/}" 2>/dev/null | tail -n 1)
fact inodes "${4:-}"

enabled() {
	[ -d /run/systemd/system ] && systemctl --quiet is-enabled "$1" 2>/dev/null
}

if command -v apt-config >/dev/null; then
	armed=
	eval "$(apt-config shell armed APT::Periodic::Unattended-Upgrade 2>/dev/null)"
	case $armed in '' | 0) ;; *)
		if [ ! -d /run/systemd/system ] || enabled apt-daily-upgrade.timer; then
			fact patcher unattended-upgrades
		fi
		;;
	esac
fi
for timer in dnf-automatic.timer dnf-automatic-install.timer dnf5-automatic.timer yum-cron.service; do
	! enabled "$timer" || fact patcher "$timer"
done
exit 0
