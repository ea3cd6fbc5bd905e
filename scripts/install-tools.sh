#!/usr/bin/env bash
# Brings in what `make test` needs beside Rust, each at a fixed version, and only when it is missing.
#
#   redis-server    Debian package; its service is not started
#   Redis 8, Valkey 8.1
#                   packages of Debian 13, unpacked into .tools/redis-8 and .tools/valkey-8 with the libraries
#                   that they need; nothing of them is installed
#   secantusd-rs    built from the Rust registry into .tools/bin (about five minutes on two cores)
#   secantusd-py    Python package in .tools/python: a MongoDB server with fail points
#   nx-27017        Python package in .tools/python: a server that only resembles MongoDB
#   schemathesis    Python package in .tools/checker: tries a server on its OpenAPI document
#   Node            Debian packages nodejs and npm, where there is none; 18 or newer
#   socket.io       npm packages of tests/node/package-lock.json in .tools/node: real Socket.IO servers
#   chromium        Debian package: a browser that opens the pages of reports
#   prometheus      Debian package; its service is not started
#   curl            Debian package
#   cargo-deny      built from the Rust registry into .tools/bin (two to three minutes)
#
# Running it again with everything in place takes well under a second. What cannot be installed is named,
# with the command that would, and the exit status is 1: a missing server is never passed over.
set -euo pipefail

readonly SECANTUS_VERSION=0.5.3-beta.196
readonly CARGO_DENY_VERSION=0.20.2

# Servers that Debian 12 does not have, and the release that they are taken from.
readonly NEWER_DEBIAN=trixie
readonly REDIS_8="redis-tools libhiredis1.1.0 liblzf1 lua-bitop lua-cjson liblua5.1-0"
readonly VALKEY_8="valkey-tools libhiredis1.1.0 liblzf1 lua-bitop lua-cjson liblua5.1-0"
readonly NEWER_LIBRARIES="libc6 libssl3t64 libsystemd0 libjemalloc2 libatomic1 libgcc-s1 libstdc++6 libcap2 \
liblz4-1 libzstd1 liblzma5 zlib1g"

cd "$(dirname "$0")/.."
readonly tools="$PWD/.tools"
readonly bin="$tools/bin"
missing=()

say() { printf 'tools: %s\n' "$*"; }
now() { date +%s; }
have() { command -v "$1" >/dev/null 2>&1; }

# A stamp holds the version that was installed, and is written last: an interrupted install leaves none.
stamped() { [[ -x "$bin/$1" && "$(cat "$tools/$1.version" 2>/dev/null)" == "$2" ]]; }
stamp() { printf '%s\n' "$2" >"$tools/$1.version"; }

lacks() { missing+=("$1"$'\n'"    $2"); }

# Prints the prefix that makes a command run as root; fails when this user may not.
as_root() {
  if [[ $(id -u) -eq 0 ]]; then
    echo env
  elif have sudo && sudo -n true 2>/dev/null; then
    echo sudo -n env
  else
    return 1
  fi
}

# Installs Debian packages without a question and without starting their services.
apt_install() {
  local root policy=/usr/sbin/policy-rc.d ours=no status=0
  have apt-get || return 1
  root=$(as_root) || return 1
  if [[ ! -e $policy ]]; then
    ours=yes
    printf '#!/bin/sh\nexit 101\n' | $root tee "$policy" >/dev/null
    $root chmod 755 "$policy"
  fi
  { $root DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@" ||
    { $root apt-get update -q &&
      $root DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@"; }; } \
    >"$tools/apt.log" 2>&1 </dev/null || status=$?
  [[ $ours == no ]] || $root rm -f "$policy"
  [[ $status -eq 0 ]] || { tail -n 15 "$tools/apt.log" >&2; return 1; }
}

# The package enables its service for the next start of the machine; the tests want the program only.
disable_redis_service() {
  local root
  if [[ -d /run/systemd/system ]]; then
    root=$(as_root)
    $root systemctl disable --now redis-server >/dev/null 2>&1 || true
  fi
}

redis_server() {
  have redis-server && return
  local start
  start=$(now)
  say "redis-server: installing the Debian package"
  if apt_install redis-server && have redis-server; then
    disable_redis_service
    say "redis-server: installed in $(($(now) - start)) s"
  else
    lacks "redis-server (Redis 7 or newer)" "apt-get install redis-server"
  fi
}

# apt-get with sources, lists and packages in a folder of its own.
apt_apart() {
  local folder=$1
  apt-get -q -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts="$folder/sources" \
    -o Dir::State="$folder" -o Dir::State::status="$folder/status" -o Dir::Cache="$folder/cache" \
    -o APT::Sandbox::User="$(id -un)" "${@:2}"
}

# The machine's own sources of packages, asked for another release: whatever mirror it uses is used again.
newer_sources() {
  local folder=$1 codename file
  codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
  [[ -n $codename ]] || return 1
  mkdir -p "$folder/sources" "$folder/lists/partial" "$folder/cache/archives/partial"
  : >"$folder/status"
  for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.{list,sources}; do
    # Other publishers' sources say nothing of Debian's next release.
    grep -qs debian "$file" && grep -qw "$codename" "$file" || continue
    sed "s/\b$codename\b/$NEWER_DEBIAN/g" "$file" >"$folder/sources/$(basename "$file")"
  done
}

# A program that starts the unpacked server with its own loader and libraries: folder, server, unpacked program.
write_starter() {
  local folder=$1 program=$2 unpacked=$3 loader libraries
  loader=$(cd "$folder" && compgen -G 'root/usr/lib*/ld-linux*.so.*' | head -n 1)
  libraries=$(cd "$folder" && dirname "$(compgen -G 'root/usr/lib/*/libc.so.6')")
  mkdir -p "$folder/bin"
  # The server and its checkers are one binary, which goes by the name that it is called with.
  cat >"$folder/bin/$program" <<EOF
#!/bin/sh
here=\$(dirname "\$(dirname "\$(readlink -f "\$0")")")
exec "\$here/$loader" --library-path "\$here/$libraries" --argv0 $program "\$here/root/usr/bin/$unpacked" "\$@"
EOF
  chmod 755 "$folder/bin/$program"
}

# Downloads packages and unpacks them into one tree: folder, packages.
unpack_newer() (
  folder=$1
  newer_sources "$folder" && apt_apart "$folder" update && cd "$folder/packages" || return 1
  apt_apart "$folder" download "${@:2}" || return 1
  for package in *.deb; do dpkg -x "$package" "$folder/root" || return 1; done
)

# A server of a newer Debian: name below .tools, server, the binary that holds it, what the server answers to
# --version, packages.
newer_server() {
  local name=$1 program=$2 unpacked=$3 wanted=$4 packages=("${@:5}") start version
  local folder="$tools/$name" log="$tools/apt.log"
  version=$(cksum <<<"${packages[*]} $wanted")
  [[ -x "$folder/bin/$program" && "$(cat "$tools/$name.version" 2>/dev/null)" == "$version" ]] && return
  start=$(now)
  say "$name: unpacking packages of Debian $NEWER_DEBIAN into .tools/$name"
  rm -rf "$folder"
  mkdir -p "$folder/packages"
  if unpack_newer "$folder" "${packages[@]}" >"$log" 2>&1 &&
    write_starter "$folder" "$program" "$unpacked" >>"$log" 2>&1 &&
    "$folder/bin/$program" --version 2>>"$log" | grep -q "$wanted"; then
    rm -rf "${folder:?}"/{packages,lists,cache,sources,status}
    stamp "$name" "$version"
    say "$name: unpacked in $(($(now) - start)) s"
  else
    tail -n 15 "$log" >&2
    lacks "$name ($wanted)" "unpack the Debian $NEWER_DEBIAN packages ${packages[*]} into .tools/$name/root"
  fi
}

redis_8() {
  # shellcheck disable=SC2086  # lists of packages
  newer_server redis-8 redis-server redis-check-rdb 'v=8\.' $REDIS_8 $NEWER_LIBRARIES
}

valkey_8() {
  # shellcheck disable=SC2086  # lists of packages
  newer_server valkey-8 valkey-server valkey-check-rdb 'v=8\.1' $VALKEY_8 $NEWER_LIBRARIES
}

# A Python that the pinned packages support and that can make virtual environments.
usable_python() {
  local candidate
  for candidate in python3 python3.11 python3.12 python3.13; do
    if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
      >/dev/null 2>&1; then
      echo "$candidate"
      return
    fi
  done
  return 1
}

# Installs pinned Python packages into a virtual environment: folder below .tools, file of pins, programs.
# A changed line in the file is a new version to install.
python_programs() {
  local folder=$1 pins=$2 programs=("${@:3}") version program python start log="$tools/pip.log"
  version=$(cksum <"$pins")
  for program in "${programs[@]}"; do
    stamped "$program" "$version" || break
    [[ $program != "${programs[-1]}" ]] || return 0
  done
  start=$(now)
  if ! python=$(usable_python); then
    say "python3: installing the Debian packages python3 and python3-venv"
    apt_install python3 python3-venv || true
    python=$(usable_python) || {
      lacks "Python 3.11 to 3.13 with venv (for ${programs[*]})" "apt-get install python3 python3-venv"
      return
    }
  fi
  say "${programs[*]}: installing into .tools/$folder"
  if "$python" -m venv --clear "$tools/$folder" >"$log" 2>&1 &&
    "$tools/$folder/bin/python" -m pip install --quiet --disable-pip-version-check \
      --requirement "$pins" >>"$log" 2>&1 &&
    ln -sf "${programs[@]/#/../$folder/bin/}" "$bin/"; then
    for program in "${programs[@]}"; do stamp "$program" "$version"; done
    say "${programs[*]}: installed in $(($(now) - start)) s"
  else
    tail -n 15 "$log" >&2
    lacks "${programs[*]}" \
      "python3 -m venv .tools/$folder && .tools/$folder/bin/pip install -r $pins"
  fi
}

# Builds a program of the Rust registry into .tools/bin: program, what for, crate, version, further flags.
cargo_program() {
  local program=$1 purpose=$2 version=$4 start build
  local install=(cargo install "$3" --version "$4" --locked "${@:5}")
  start=$(now)
  say "$program $version: building (some minutes)"
  # Gigabytes of objects that nobody needs afterwards, so they get a directory of their own.
  build=$(mktemp -d "$tools/build.XXXXXX")
  # shellcheck disable=SC2064  # the path of now, not of later
  trap "rm -rf '$build'" EXIT
  if CARGO_TARGET_DIR="$build" "${install[@]}" --force --root "$tools" </dev/null; then
    stamp "$program" "$version"
    say "$program: built in $(($(now) - start)) s"
  else
    lacks "$program ($purpose)" "${install[*]} --root .tools"
  fi
  rm -rf "$build"
}

secantus() {
  stamped secantusd-rs "$SECANTUS_VERSION" && return
  # WiredTiger, its storage engine, is C and C++ and is configured by CMake.
  if ! have cmake || ! have c++; then
    say "secantusd-rs: installing the Debian packages cmake and g++, which its build needs"
    apt_install cmake g++ || {
      lacks "cmake and g++ (to build secantusd-rs)" "apt-get install cmake g++"
      return
    }
  fi
  cargo_program secantusd-rs "a MongoDB server" secantus-mdb "$SECANTUS_VERSION" --ignore-rust-version
}

cargo_deny() {
  have cargo-deny && return
  stamped cargo-deny "$CARGO_DENY_VERSION" && return
  cargo_program cargo-deny "licences and bans of the dependencies" cargo-deny "$CARGO_DENY_VERSION"
}

usable_node() { have node && have npm && [[ $(node -p 'process.versions.node.split(".")[0]') -ge 18 ]]; }

# The packages of the tests' Socket.IO servers, at the versions of their lock file.
socket_io() {
  local from=tests/node to="$tools/node" version start
  version=$(cat "$from/package.json" "$from/package-lock.json" | cksum)
  if [[ -d "$to/node_modules/socket.io" && "$(cat "$tools/node.version" 2>/dev/null)" == "$version" ]]; then
    usable_node && return
  fi
  start=$(now)
  if ! usable_node; then
    say "node: installing the Debian packages nodejs and npm"
    apt_install nodejs npm || true
    usable_node || {
      lacks "Node 18 or newer with npm (for Socket.IO servers)" "apt-get install nodejs npm"
      return
    }
  fi
  say "socket.io: installing into .tools/node"
  mkdir -p "$to"
  cp "$from/package.json" "$from/package-lock.json" "$to/"
  if (cd "$to" && npm ci --no-audit --no-fund --ignore-scripts) >"$tools/npm.log" 2>&1; then
    stamp node "$version"
    say "socket.io: installed in $(($(now) - start)) s"
  else
    tail -n 15 "$tools/npm.log" >&2
    lacks "socket.io (a Socket.IO server)" "cp tests/node/package*.json .tools/node && cd .tools/node && npm ci"
  fi
}

curl_program() {
  have curl && return
  { apt_install curl && have curl; } || lacks "curl (asks the server for its API document)" "apt-get install curl"
}

chromium_browser() {
  have chromium && return
  say "chromium: installing the Debian package"
  { apt_install chromium && have chromium; } || lacks "chromium (opens the pages of reports)" "apt-get install chromium"
}

prometheus_server() {
  have prometheus && return
  say "prometheus: installing the Debian package"
  { apt_install prometheus && have prometheus; } || lacks "prometheus (receives what a load test exports)" "apt-get install prometheus"
}

main() {
  mkdir -p "$bin"
  redis_server
  redis_8
  valkey_8
  curl_program
  socket_io
  chromium_browser
  prometheus_server
  python_programs python scripts/test-servers.txt secantusd-py nx-27017
  python_programs checker scripts/api-checker.txt schemathesis
  secantus
  cargo_deny
  if [[ ${#missing[@]} -gt 0 ]]; then
    printf '\ntools: these could not be installed. Install them by hand and run "make tools" again:\n' >&2
    printf '  %s\n' "${missing[@]}" >&2
    exit 1
  fi
  say "redis-server, Redis 8, Valkey 8.1, secantusd-rs, secantusd-py, nx-27017, socket.io, schemathesis, chromium, prometheus and cargo-deny are in place"
}

main "$@"
