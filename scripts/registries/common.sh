# Paths, and the log function.

cache=${OUTRIGGER_CACHE:-${HOME:?set HOME or OUTRIGGER_CACHE}/.cache/outrigger}/registries
mkdir -p "$cache/bin"
cache=$(cd "$cache" && pwd)
bin=$cache/bin

log() { echo "registries: $*" >&2; }
fail() {
  log "ERROR: $*"
  return 1
}

# Prints the path of a program: from its environment variable, PATH (with sbin, where Debian has named), or the cache, in this
# order. test/support/servers/binaries.ts does the same.
find_program() {
  local variable
  variable=OUTRIGGER_$(tr 'a-z-' 'A-Z_' <<<"$1")
  if [[ -n ${!variable:-} ]]; then
    [[ -x ${!variable} ]] || fail "$variable=${!variable} is no executable file" || return 1
    echo "${!variable}"
    return
  fi
  PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin:$bin type -P "$1"
}

# Sets `missing` to those of the programs that are not found. Succeeds if there are any.
missing_of() {
  local program
  missing=()
  for program in "$@"; do
    find_program "$program" >/dev/null || missing+=("$program")
  done
  ((${#missing[@]}))
}
