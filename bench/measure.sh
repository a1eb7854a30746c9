# Measuring: builds, runs and records. Sourced by run.sh.
#
# $RESULTS has one line per fact, fields separated by tabs:
#   round  SUITE A B CONNECTIONS LOAD GOAL ROUND  A-rate A-cpu A-errors  B-rate B-cpu B-errors
#   start  SUITE CONTENDER ROUND MICROSECONDS
#   memory SUITE CONTENDER ROOTS-KIB CHILDREN CHILDREN-KIB
#   missing SUITE WHAT REASON

record() {
	local IFS=$'\t'
	echo "$*" >>"$RESULTS"
}

missing() {
	MISSING=$((MISSING + 1))
	record missing "$@"
	say "$1: $2: not measured: $3"
}

# build puts every program into $BIN. What does not build is missed by the
# contenders that need it.
build() {
	local source name
	cd "$HERE/.." || exit 1
	for source in internal/peers/*/main.go; do
		name=$(basename "$(dirname "$source")")
		go build -o "$BIN/$name" "./internal/peers/$name" || say "internal/peers/$name does not build"
	done
	if [[ -n $BIDENT ]]; then
		cp "$BIDENT" "$BIN/bident" || exit 1
	else
		go build -o "$BIN/bident" ./cmd/bident || say "cmd/bident does not build"
	fi
	if command -v gcc >/dev/null; then
		gcc -O2 -o "$BIN/hello_fcgi" "$HERE/peers/hello.c" -lfcgi || say "bench/peers/hello.c does not build"
	fi
}

# reason CONTENDER: why it cannot run, or nothing.
reason() {
	if declare -F "need_$1" >/dev/null; then "need_$1"; fi
	[[ -x $BIN/plain && -x $BIN/prefork && -x $BIN/semaphore ]] || echo "the peers do not build"
}

# up CONTENDER: starts it; sets PORT, PIDS and TOOK (microseconds until the
# first answer).
up() {
	local before=("${ROOTS[@]}") began
	PORT=$(free_port)
	: >"$WORK/servers.log"
	began=$(microseconds)
	"start_$1" "$PORT"
	PIDS=("${ROOTS[@]:${#before[@]}}")
	if ! await "$PORT"; then
		say "$1 did not become ready:"
		tail -n 5 "$WORK/servers.log" >&2
		stop "${PIDS[@]}"
		return 1
	fi
	TOOK=$(($(microseconds) - began))
}

# load PORT SECONDS CONNECTIONS LOAD PIDS...: one run of wrk; prints
# "rate cpu-per-request errors".
load() {
	local port=$1 seconds=$2 connections=$3 kind=$4 header=() before after threads=$THREADS
	shift 4
	[[ $kind == close ]] && header=(-H "Connection: close")
	((threads <= connections)) || threads=$connections
	before=$(processor_time "$@")
	"${LOAD_PIN[@]}" wrk -t "$threads" -c "$connections" -d "${seconds}s" "${header[@]}" \
		"http://127.0.0.1:$port/hello" >"$WORK/wrk.out" 2>&1 || {
		cat "$WORK/wrk.out" >&2
		return 1
	}
	after=$(processor_time "$@")
	awk -v used=$((after - before)) '
		/ requests in / { n = $1 }
		/^Requests\/sec:/ { rate = $2 }
		/Socket errors:/ { gsub(/,/, ""); errors += $4 + $6 + $8 + $10 }
		/Non-2xx/ { errors += $NF }
		END { if (n == 0) exit 1; printf "%.1f %.3f %d\n", rate, used / n, errors }' "$WORK/wrk.out"
}

# pair SUITE A B CONNECTIONS LOAD GOAL
pair() {
	wanted "$1" || return 0
	local suite=$1 a=$2 b=$3 connections=$4 kind=$5 goal=$6 why port_a pids_a port_b pids_b round one two good=yes
	local what="$a / $b, $connections $kind"
	why=$(reason "$a" && reason "$b")
	if [[ -n $why ]]; then
		missing "$suite" "$what" "${why//$'\n'/; }"
		return
	fi
	if ! up "$a"; then
		missing "$suite" "$what" "$a did not become ready"
		return
	fi
	port_a=$PORT pids_a=("${PIDS[@]}")
	if ! up "$b"; then
		stop "${pids_a[@]}"
		missing "$suite" "$what" "$b did not become ready"
		return
	fi
	port_b=$PORT pids_b=("${PIDS[@]}")
	load "$port_a" "$WARMUP" "$connections" "$kind" "${pids_a[@]}" >/dev/null &&
		load "$port_b" "$WARMUP" "$connections" "$kind" "${pids_b[@]}" >/dev/null || good=
	for ((round = 1; round <= ROUNDS; round++)); do
		[[ -n $good ]] || break
		if one=$(load "$port_a" "$SECONDS_EACH" "$connections" "$kind" "${pids_a[@]}") &&
			two=$(load "$port_b" "$SECONDS_EACH" "$connections" "$kind" "${pids_b[@]}"); then
			# shellcheck disable=SC2086 # three fields each
			record round "$suite" "$a" "$b" "$connections" "$kind" "$goal" "$round" $one $two
			say "$suite: $what: round $round: $one | $two"
		else
			good=
		fi
	done
	[[ -n $good ]] || missing "$suite" "$what" "a run got no answer"
	stop "${pids_a[@]}" "${pids_b[@]}"
}

# footprint SUITE CONTENDER
footprint() {
	wanted "$1" || return 0
	local suite=$1 name=$2 why round pid kib roots children count
	why=$(reason "$name")
	if [[ -n $why ]]; then
		missing "$suite" "$name" "${why//$'\n'/; }"
		return
	fi
	for ((round = 1; round <= ROUNDS; round++)); do
		if ! up "$name"; then
			missing "$suite" "$name" "it did not become ready"
			return
		fi
		record start "$suite" "$name" "$round" "$TOOK"
		((round < ROUNDS)) && stop "${PIDS[@]}"
	done
	load "$PORT" "$WARMUP" 64 kept "${PIDS[@]}" >/dev/null
	roots=0 children=0 count=0
	while read -r pid _; do
		kib=$(pss "$pid")
		[[ -n $kib ]] || continue
		if [[ " ${PIDS[*]} " == *" $pid "* ]]; then
			roots=$((roots + kib))
		else
			children=$((children + kib)) count=$((count + 1))
		fi
	done < <(tree "${PIDS[@]}")
	record memory "$suite" "$name" "$roots" "$count" "$children"
	say "$suite: $name: ready after $TOOK us; $roots KiB, $count children $children KiB"
	stop "${PIDS[@]}"
}

# markdown and json print what was recorded.
markdown() {
	echo "Load average before: $LOAD_BEFORE. $CORES cores for the servers, wrk with $THREADS threads, $ROUNDS rounds of $SECONDS_EACH s, $(uname -sr), $(go env GOVERSION)."
	echo "Medians; ratios are medians of the rounds' own ratios (least..greatest). CPU: microseconds per request, the whole process tree."
	awk -F '\t' -v form=markdown -f "$HERE/summary.awk" "$RESULTS"
}
json() {
	awk -F '\t' -v form=json -v cores="$CORES" -v threads="$THREADS" -v rounds="$ROUNDS" -v seconds="$SECONDS_EACH" \
		-v kernel="$(uname -sr)" -v go="$(go env GOVERSION)" -f "$HERE/summary.awk" "$RESULTS"
}
