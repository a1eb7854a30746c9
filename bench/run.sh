#!/usr/bin/env bash
# Compares Bident with other servers, side by side. See README.md.
#
# usage: bench/run.sh [options] [suite...]     (default: every suite)
#   --rounds N       pairs of runs (7)            --seconds S    of one run (3)
#   --warmup S       before the first round (1)   --threads N    of wrk (half the cores)
#   --server-cpus L  pin servers (taskset -c L)   --load-cpus L  pin wrk
#   --processes N    FastCGI processes (8)        --bident FILE  a program built already
#   --json           JSON instead of Markdown     --list         say what would be compared
#   --suites FILE    pairs of one's own, in the form of suites.sh
#   --gate           fail if a pair with a goal does not reach it
#
# Progress goes to standard error, the result to standard output. Exit status:
# 0 all was measured, 1 something could not be or missed its goal, 64 wrong usage.
set -u
shopt -s nullglob
export LC_ALL=C

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ROUNDS=7 SECONDS_EACH=3 WARMUP=1 THREADS= FCGI_PROCESSES=8 FORM=markdown LIST= GATE= BIDENT= SUITES=$HERE/suites.sh
SERVER_PIN=() LOAD_PIN=() WANTED=()

wrong() {
	echo "run.sh: $*" >&2
	sed -n '4,11s/^# \{0,1\}//p' "$0" >&2
	exit 64
}
say() { echo "$*" >&2; }

positive() { [[ $2 =~ ^[1-9][0-9]*$ ]] || wrong "$1 takes a whole number above 0, not \"$2\""; }

while (($#)); do
	case $1 in
	--*=*) set -- "${1%%=*}" "${1#*=}" "${@:2}" ;;
	esac
	case $1 in
	--json) FORM=json ;;
	--list) LIST=yes ;;
	--gate) GATE=yes ;;
	--rounds | --seconds | --warmup | --threads | --processes | --server-cpus | --load-cpus | --bident | --suites)
		(($# >= 2)) || wrong "$1 needs a value"
		case $1 in
		--rounds) positive "$@" && ROUNDS=$2 ;;
		--seconds) positive "$@" && SECONDS_EACH=$2 ;;
		--warmup) positive "$@" && WARMUP=$2 ;;
		--threads) positive "$@" && THREADS=$2 ;;
		--processes) positive "$@" && FCGI_PROCESSES=$2 ;;
		--server-cpus) SERVER_PIN=(taskset -c "$2") ;;
		--load-cpus) LOAD_PIN=(taskset -c "$2") ;;
		--bident) BIDENT=$2 ;;
		--suites) SUITES=$2 ;;
		esac
		shift
		;;
	-*) wrong "no such option: $1" ;;
	*) WANTED+=("$1") ;;
	esac
	shift
done

# shellcheck source=processes.sh
. "$HERE/processes.sh"
# shellcheck source=contenders.sh
. "$HERE/contenders.sh"
# shellcheck source=suites.sh
. "$SUITES" || exit 1
# shellcheck source=measure.sh
. "$HERE/measure.sh"

KNOWN=$(
	pair() { echo "$1"; }
	footprint() { echo "$1"; }
	idle() { echo "$1"; }
	suites | sort -u
)
for suite in "${WANTED[@]}"; do
	grep -qx -- "$suite" <<<"$KNOWN" || wrong "no suite \"$suite\"; there are: ${KNOWN//$'\n'/ }"
done
wanted() { ((${#WANTED[@]} == 0)) || [[ " ${WANTED[*]} " == *" $1 "* ]]; }

if [[ -n $LIST ]]; then
	pair() { ! wanted "$1" || echo "$1: $2 against $3, $4 connections, $5${7:+ $7}"; }
	idle() { ! wanted "$1" || echo "$1: memory of $2 against $3, $4 idle connections"; }
	footprint() { ! wanted "$1" || echo "$1: start and memory of $2"; }
	suites
	exit 0
fi

for program in wrk taskset go awk getconf; do
	command -v "$program" >/dev/null || {
		say "run.sh: $program is not installed (Debian: apt-get install wrk nginx gcc libfcgi-dev)"
		exit 1
	}
done
ulimit -n "$(ulimit -Hn)" 2>/dev/null
CORES=$("${SERVER_PIN[@]}" nproc) || wrong "--server-cpus: taskset refuses it"
"${LOAD_PIN[@]}" true || wrong "--load-cpus: taskset refuses it"
THREADS=${THREADS:-$((($(nproc) + 1) / 2))}
NGINX=$(PATH=$PATH:/usr/sbin:/sbin command -v nginx)
APACHE=$(PATH=$PATH:/usr/sbin:/sbin command -v apache2)
FPM=$(PATH=$PATH:/usr/sbin:/sbin compgen -c php-fpm | head -n 1)
FPM=${FPM:+$(PATH=$PATH:/usr/sbin:/sbin command -v "$FPM")}
WORK=$(mktemp -d) || exit 1
BIN=$WORK/bin
RESULTS=$WORK/results
MISSING=0
read -r LOAD_BEFORE _ </proc/loadavg
awk -v load="$LOAD_BEFORE" -v cores="$(nproc)" 'BEGIN { exit load > cores / 4 }' ||
	say "run.sh: the load average is $LOAD_BEFORE: others are at work here, the ratios will stray"
mkdir "$BIN"
: >"$RESULTS"
finish() {
	stop "${ROOTS[@]}"
	rm -rf "$WORK"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

build # takes the load average up itself, hence read before
suites
"$FORM"
[[ -z $GATE ]] || below || MISSING=$((MISSING + 1))
exit $((MISSING > 0))
