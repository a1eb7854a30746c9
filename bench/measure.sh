# Measuring: builds, runs and records. Sourced by run.sh.
#
# $RESULTS has one line per fact, fields separated by tabs:
#   round  SUITE A B CONNECTIONS LOAD GOAL ROUND  A-rate A-cpu A-errors A-octets  B-rate B-cpu B-errors B-octets
#   waits  SUITE A B CONNECTIONS LOAD GOAL ROUND  A-p99 A-longest A-starved  B-p99 B-longest B-starved
#   idle   SUITE A B CONNECTIONS GOAL ROUND  A-held A-octets A-busy  B-held B-octets
#   start  SUITE CONTENDER ROUND MICROSECONDS
#   even   SUITE CONTENDER LOAD RATIO
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
	for source in internal/peers/*/main.go internal/peers/*/*/main.go; do
		source=$(dirname "$source")
		name=${source#internal/peers/}
		go build -o "$BIN/${name//\//_}" "./$source" || say "$source does not build"
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

# scheme CONTENDER: http, https or fcgi+unix.
scheme() {
	case $1 in
	*_tls) echo https ;;
	*_fcgi) echo fcgi+unix ;;
	*) echo http ;;
	esac
}

# url CONTENDER PORT PATH: of what is asked for; for a UNIX socket the path comes
# behind a space.
url() {
	case $(scheme "$1") in
	*+unix) echo "$(scheme "$1")://$WORK/$2.sock $3" ;;
	*) echo "$(scheme "$1")://127.0.0.1:$2$3" ;;
	esac
}

# up CONTENDER [PATH]: starts it; sets PORT, PIDS and TOOK (microseconds until the
# first answer).
up() {
	local before=("${ROOTS[@]}") began scheme
	scheme=$(scheme "$1")
	PORT=$(free_port)
	: >"$WORK/servers.log"
	began=$(microseconds)
	"start_$1" "$PORT"
	PIDS=("${ROOTS[@]:${#before[@]}}")
	if ! await "$PORT" "$scheme" "${2:-/hello}"; then
		say "$1 did not become ready${STATUS:+, it answers \"$STATUS\" to ${2:-/hello}}:"
		tail -n 5 "$WORK/servers.log" >&2
		stop "${PIDS[@]}"
		return 1
	fi
	TOOK=$(($(microseconds) - began))
}

# load URL SECONDS CONNECTIONS LOAD PIDS...: one run of wrk; prints
# "rate cpu-per-request errors octets-per-request", and for a waited load
# "p99 longest-wait starved-connections" behind it, in microseconds.
load() {
	local url=$1 seconds=$2 connections=$3 kind=$4 how=() before after threads=$THREADS
	shift 4
	case $kind in
	waited)
		waited "$url" "$seconds" "$connections" "$@"
		return
		;;
	close) how=(-H "Connection: close") ;;
	piped*) how=(-s "$HERE/pipeline.lua") url="$url ${kind#piped}" ;;
	esac
	((threads <= connections)) || threads=$connections
	before=$(processor_time "$@")
	# shellcheck disable=SC2086 # the script has an argument
	"${LOAD_PIN[@]}" wrk -t "$threads" -c "$connections" -d "${seconds}s" "${how[@]}" \
		$url >"$WORK/wrk.out" 2>&1 || {
		cat "$WORK/wrk.out" >&2
		return 1
	}
	after=$(processor_time "$@")
	awk -v used=$((after - before)) '
		/ requests in / {
			n = $1
			octets = $5 + 0
			if ($5 ~ /KB/) octets *= 1024
			if ($5 ~ /MB/) octets *= 1024 ^ 2
			if ($5 ~ /GB/) octets *= 1024 ^ 3
			if ($5 ~ /TB/) octets *= 1024 ^ 4
		}
		/^Requests\/sec:/ { rate = $2 }
		/Socket errors:/ { gsub(/,/, ""); errors += $4 + $6 + $8 + $10 }
		/Non-2xx/ { errors += $NF }
		END { if (n == 0) exit 1; printf "%.1f %.3f %d %.1f\n", rate, used / n, errors, octets / n }' "$WORK/wrk.out"
}

# waited URL SECONDS CONNECTIONS PIDS...: load for a waited load, by Bident's own
# generator, which speaks FastCGI too and looks after each connection.
waited() {
	local url=${1% *} target=() seconds=$2 connections=$3 before after
	[[ $1 != *" "* ]] || target=(--target "${1#* }")
	shift 3
	before=$(processor_time "$@")
	"${LOAD_PIN[@]}" "$BIN/bident" load --json --connections "$connections" --duration "${seconds}s" \
		--expect-status 200 "${target[@]}" "$url" >"$WORK/load.out" 2>>"$WORK/servers.log"
	after=$(processor_time "$@")
	tr '{},' '\n\n\n' <"$WORK/load.out" | awk -F: -v used=$((after - before)) '
		{ gsub(/"/, "") }
		NF == 2 && $2 != "" { v[$1] = $2 }
		END {
			if (v["requests"] == 0) exit 1
			printf "%.1f %.3f %d %.1f %d %d %d\n", v["requests_per_s"], used / v["requests"], v["failures"],
				v["bytes_read"] / v["requests"], v["p99"], v["longest_us"], v["starved"]
		}' || {
		head -c 1000 "$WORK/load.out" >&2
		return 1
	}
}

# unproven CONTENDER PORT: what it does not do, or nothing. What it does a moment
# later is good enough: logs have buffers.
unproven() {
	local deadline=$(($(microseconds) + 3000000)) lacks
	declare -F "proven_$1" >/dev/null || return 0
	while lacks=$("proven_$1" "$2"); [[ -n $lacks ]]; do
		(($(microseconds) < deadline)) || break
		nap 0.1
	done
	echo "$lacks"
}

# pair SUITE A B CONNECTIONS LOAD GOAL [PATH]
pair() {
	wanted "$1" || return 0
	local suite=$1 a=$2 b=$3 connections=$4 kind=$5 goal=$6 path=${7:-/hello}
	local one_port two_port why url_a pids_a url_b pids_b round one two fields_a fields_b wrong=
	local what="$a / $b, $connections $kind${7:+ $7}"
	why=$(reason "$a" && reason "$b")
	if [[ -n $why ]]; then
		missing "$suite" "$what" "${why//$'\n'/; }"
		return
	fi
	if ! up "$a" "$path"; then
		missing "$suite" "$what" "$a did not become ready"
		return
	fi
	url_a=$(url "$a" "$PORT" "$path") pids_a=("${PIDS[@]}") one=$PORT one_port=$PORT
	if ! up "$b" "$path"; then
		stop "${pids_a[@]}"
		missing "$suite" "$what" "$b did not become ready"
		return
	fi
	url_b=$(url "$b" "$PORT" "$path") pids_b=("${PIDS[@]}") two=$PORT two_port=$PORT
	if load "$url_a" "$WARMUP" "$connections" "$kind" "${pids_a[@]}" >/dev/null &&
		load "$url_b" "$WARMUP" "$connections" "$kind" "${pids_b[@]}" >/dev/null; then
		why=$(unproven "$a" "$one")
		[[ -z $why ]] || wrong="$a: $why"
		why=$(unproven "$b" "$two")
		[[ -z $why ]] || wrong="$b: $why"
	else
		wrong="a run got no answer"
	fi
	for ((round = 1; round <= ROUNDS; round++)); do
		[[ -z $wrong ]] || break
		if one=$(load "$url_a" "$SECONDS_EACH" "$connections" "$kind" "${pids_a[@]}") &&
			two=$(load "$url_b" "$SECONDS_EACH" "$connections" "$kind" "${pids_b[@]}"); then
			# shellcheck disable=SC2206 # four fields each, or seven
			fields_a=($one) fields_b=($two)
			record round "$suite" "$a" "$b" "$connections" "$kind${7:+ $7}" "$goal" "$round" \
				"${fields_a[@]:0:4}" "${fields_b[@]:0:4}"
			[[ $kind != waited ]] || record waits "$suite" "$a" "$b" "$connections" "$kind${7:+ $7}" "$goal" "$round" \
				"${fields_a[@]:4}" "${fields_b[@]:4}"
			say "$suite: $what: round $round: $one | $two"
		else
			wrong="a run got no answer"
		fi
	done
	[[ -z $wrong ]] || missing "$suite" "$what" "$wrong"
	for why in "$a $one_port" "$b $two_port"; do
		if declare -F "even_${why% *}" >/dev/null; then
			record even "$suite" "${why% *}" "$connections $kind" "$("even_${why% *}" "${why#* }")"
		fi
	done
	stop "${pids_a[@]}" "${pids_b[@]}"
}

# crowded CONTENDER CONNECTIONS [busy]: starts it and lets so many connections be
# idle; sets FOUND to "held octets-per-connection", and with busy to how many lanes
# were at work, too. RSS is read before, and after as many seconds as a run takes,
# in which the server comes to rest.
crowded() {
	local name=$1 connections=$2 asks=${3:-} before after= held=0 busy= word crowd
	up "$name" || return 1
	before=$(rss "${PIDS[@]}")
	coproc CROWD { exec "${LOAD_PIN[@]}" "$BIN/crowd" -n "$connections" \
		-url "$(scheme "$name")://127.0.0.1:$PORT/hello" -status "$WORK/admin.$PORT.sock" {NAP}<&-; }
	crowd=$CROWD_PID
	ROOTS+=("$crowd")
	if read -r -t 60 word held <&"${CROWD[0]:-}" && ((held)); then
		nap "$SECONDS_EACH"
		after=$(rss "${PIDS[@]}")
		if [[ -n $asks ]]; then
			kill -0 "$crowd" 2>/dev/null && echo busy >&"${CROWD[1]}" &&
				read -r -t 20 word busy <&"${CROWD[0]:-}"
		fi
	fi
	stop "$crowd" "${PIDS[@]}"
	[[ -n $after ]] && [[ -z $asks || -n $busy ]] || return 1
	FOUND="$held $(((after - before) * 1024 / held)) $busy"
}

# idle SUITE A B CONNECTIONS GOAL
idle() {
	wanted "$1" || return 0
	local suite=$1 a=$2 b=$3 connections=$4 goal=$5 what why round one two most
	what="$a / $b, $connections idle"
	why=$(reason "$a" && reason "$b" && need_crowd)
	if [[ -n $why ]]; then
		missing "$suite" "$what" "${why//$'\n'/; }"
		return
	fi
	most=$(ulimit -n)
	if [[ $most != unlimited ]] && ((connections > most - 200)); then
		connections=$((most - 200))
		say "$suite: no more than $most descriptors: $connections connections"
	fi
	for ((round = 1; round <= ROUNDS; round++)); do
		if crowded "$a" "$connections" busy && one=$FOUND && crowded "$b" "$connections" && two=$FOUND; then
			# shellcheck disable=SC2086 # three fields and two
			record idle "$suite" "$a" "$b" "$connections" "$goal" "$round" $one $two
			say "$suite: $what: round $round: $one | $two"
		else
			missing "$suite" "$what" "the connections could not be held, or the lanes not be seen"
			return
		fi
	done
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
	load "$(scheme "$name")://127.0.0.1:$PORT/hello" "$WARMUP" 64 kept "${PIDS[@]}" >/dev/null
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

# below fails if the median ratio of a pair with a goal is less than that, or if an
# answer of it was wrong, and names the pair.
below() {
	awk -F '\t' -v form=gate -f "$HERE/summary.awk" "$RESULTS" >&2
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
