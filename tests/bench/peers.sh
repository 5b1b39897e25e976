#!/bin/sh
# peers.sh VERSION [full|careful|first]: the staged rollout of a peer bench kit, carried by Ringway.
#
# The kit starts N hosts on loopback and leaves `hosts`, `ring0`..`ring3`, `id`, `known_hosts` and `hostctl` in FARM_DIR.
# Four rings; on each host: health, apply, health, each a step in its envelope; the journal is on. A rollout of its own
# in a fresh data directory each time (RINGWAY_DATA names one to keep), and so below a fresh root on the hosts: a host that
# has met another database of its fleet would refuse this one.
#
#   full      as fast as it can: no ramp, no settle; halts as the other tools of the kit do, above 10 % of a ring
#   first     as full, but halts at the first failed host
#   careful   what a policy says where it says nothing else: the ramp from one host, 2 s of settling
set -eu
version=$1 how=${2:-full} farm=${FARM_DIR:-/tmp/ringfarm} ringway=${RINGWAY:-ringway}
work=$(mktemp -d "${TMPDIR:-/tmp}/ringway-peers.XXXXXX")
trap 'rm -rf "$work"' EXIT

user=$(sed -n 's/^ *User //p' "$farm/ssh_config")
port=$(sed -n 's/^ *Port //p' "$farm/ssh_config")
{
	echo 'ringway: fleet/v1'
	echo 'name: farm'
	echo 'hosts:'
	for ring in 0 1 2 3; do
		sed "s/.*/  - { name: h&, address: &, labels: { ring: ring$ring } }/" "$farm/ring$ring"
	done
	echo 'connect:'
	echo "  - { select: all, ssh: { user: $user, port: $port, key: $farm/id, host_keys: { known_hosts: $farm/known_hosts }, root: '$farm/state/{address}/${work##*.}' } }"
} >"$work/fleet.yaml"
cat >"$work/recipe.yaml" <<END
ringway: recipe/v1
name: hostctl
steps:
  precheck: { run: [$farm/hostctl, health], timeout: 1m }
  apply:    { run: '$farm/hostctl apply "\$BUILD"', timeout: 1m, after_crash: repeat }
  verify:   { run: [$farm/hostctl, health], timeout: 1m }
END
cat >"$work/update.yaml" <<END
ringway: update/v1
name: u
releases: [{ select: all, id: "u-$version", build: "$version" }]
recipe: hostctl
END
case $how in
full | first) pace='{ at_once: 64, ramp: off, settle: 0s }' ;;
careful) pace='{ at_once: 64, settle: 2s }' ;;
*) echo "peers.sh: \`$how\` is none of full, careful and first" >&2; exit 2 ;;
esac
halt='{ failed_share: { limit: 10%, counts_from: 1 } }'
[ "$how" = first ] && halt='{ failed: 1 }'
cat >"$work/policy.yaml" <<END
ringway: policy/v1
name: p
applies_to: all
rings:
  - { name: ring0, hosts: { select: ring = ring0 }, soak: 0s }
  - { name: ring1, hosts: { select: ring = ring1 }, soak: 0s }
  - { name: ring2, hosts: { select: ring = ring2 }, soak: 0s }
  - { name: ring3, hosts: { select: ring = ring3 }, soak: 0s }
pace: $pace
retry: { times: 0 }
halt: $halt
END
"$ringway" run --data "${RINGWAY_DATA:-$work/data}" --no-wait "$work"
