# SPDX-License-Identifier: GPL-2.0
# Sourced by what tests: one line a test, which scripts/test counts.
# shellcheck shell=bash

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../scripts/lib.sh"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# clone_here DIR: a clone of this repository, with what is not committed yet
clone_here()
{
	rm -rf "$1"
	git clone -q "$top" "$1"
	(cd "$top" && git ls-files -z --cached --others --exclude-standard |
		xargs -0 sh -c 'for f; do [ ! -e "$f" ] || cp --parents "$f" "$0"; done' "$1")
}

# interrupt CONDITION COMMAND...: start a command, end it and its children as soon
# as the condition is met. It fails if the command was done before, or if
# something of it is left.
interrupt()
{
	local pid i condition=$1
	shift
	setsid "$@" &
	pid=$!
	until eval "$condition"; do
		kill -0 $pid 2>/dev/null || return 1
		sleep 0.1
	done
	kill -TERM -- -$pid
	! wait $pid || return 1
	for ((i = 0; i < 100; i++)); do
		kill -0 -- -$pid 2>/dev/null || return 0
		sleep 0.1
	done
	return 1
}

# report RC NAME
report()
{
	if [ "$1" -eq 0 ]; then
		echo "ok: $2"
	else
		echo "FAILED: $2"
	fi
}

# try NAME COMMAND...: a test that passes if the command does. What a failed one said
# is marked, so that no line of it is counted as a test.
try()
{
	local name=$1 rc=0
	shift
	"$@" >"$scratch/try.log" 2>&1 || rc=$?
	[ $rc -eq 0 ] || tail -n 20 "$scratch/try.log" | sed 's/^/| /'
	report $rc "$name"
}

# kept NAME COMMAND...: what the command prints. If it passes, that is kept in
# build/BASE/guests by all that it depends on, which standard input says, and costs
# nothing as long as that stays the same; anything else is run again. KEPT=no runs what
# is kept as well.
kept()
{
	local file name=$1 rc=0
	mkdir -p "$dir/guests"
	file=$dir/guests/$name-$(sha256sum | cut -c 1-32)
	shift
	if [ "${KEPT:-}" != no ] && [ -e "$file" ]; then
		echo "kept: $name passed on $(date -r "$file" '+%F %H:%M'), and nothing has changed"
		cat "$file"
		return
	fi
	"$@" >"$file.new" || rc=$?
	cat "$file.new"
	if [ $rc -eq 0 ]; then
		mv "$file.new" "$file"
	else
		rm "$file.new"
	fi
	return $rc
}

# around_guest VARIANT JOB: what its result depends on, but for the kernel
around_guest()
{
	local image=image
	case $2 in fio | ndctl) image="more" ;; esac
	sha256sum <"$dir/$image.gz"
	cat "$top/guest/$2-$1.txt" "$top/guest/$2-log.txt" 2>/dev/null || true
	cat "$top/config/splats" "$top"/scripts/{boot,judge}
	qemu-system-x86_64 --version
	echo "${ACCEL:-tcg} ${SIZE_MB:-8192} ${CPU:-} ${APPEND:-}"
}

# kernels VARIANT...: what else it depends on
kernels()
{
	local variant
	for variant; do
		sha256sum <"$dir/$variant/obj/arch/x86/boot/bzImage"
	done
}

# guest VARIANT JOB: what the guest's judge says
guest()
{
	{
		kernels "$1"
		around_guest "$@"
	} | kept "$1-$2" "$top/scripts/boot" "$base" "$@"
}
