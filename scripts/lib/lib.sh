# What the scripts share: which Debian packages are needed, installing them, building, and --help, which
# shows the head of a script. Sourced by them; the working directory is the project's from here on.

case ${1:-} in
-h | --help)
  sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"
  exit
  ;;
esac
cd "$(dirname "$0")/.." || exit

# refuse ARGUMENT: ends a script that does not know it.
refuse() {
  echo "$0: unknown argument '$1'; $0 --help says what there is" >&2
  exit 2
}

build_packages="gcc libc6-dev cmake ninja-build pkg-config lua5.4 liblua5.4-dev lua-luv lua-luv-dev
  libuv1-dev libedit-dev libjansson-dev libmsgpack-dev libncurses-dev libsmartcols-dev libutf8proc-dev uthash-dev
  libsqlite3-dev libhiredis-dev"
test_packages="g++ lua-busted lua-luaossl python3 netcat-openbsd redis-server tmux"
lint_packages="clang-format clang-tidy cppcheck lua-check"
package_packages="debhelper dpkg-dev git"

# need PACKAGE…: installs those that are missing, or says which command does and ends the script. If none is missing, the
# network is not used. On a system without dpkg, CMake says what it does not find.
need() {
  command -v dpkg-query >/dev/null || return 0
  installed=$(dpkg-query -W -f '${db:Status-Abbrev}${Package}\n' "$@" 2>/dev/null | sed -n 's/^ii *//p')
  missing=
  for package in "$@"; do
    case "
$installed
" in
    *"
$package
"*) ;;
    *) missing="$missing $package" ;;
    esac
  done
  [ -n "$missing" ] || return 0
  if ! is_administrator; then
    echo "$0: packages are missing, and only an administrator can install them. Ask for:" >&2
    echo "apt-get install --no-install-recommends$missing" >&2
    exit 1
  fi
  echo "installing$missing" >&2
  as_root apt-get -qq -o Acquire::Retries=3 update >&2
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 \
    -o Dpkg::Use-Pty=0 install --no-install-recommends $missing >/dev/null
}

# Whether packages can be installed: by root, or by sudo, which may ask for a password at a terminal.
is_administrator() {
  [ "$(id -u)" -eq 0 ] || { command -v sudo >/dev/null && { [ -t 0 ] || sudo -n true 2>/dev/null; }; }
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  else
    sudo "$@"
  fi
}

# build DIRECTORY [CMAKE-OPTION…]: configures and builds what has changed.
build() {
  directory=$1
  shift
  if [ ! -e "$directory/CMakeCache.txt" ] && command -v ninja >/dev/null; then
    set -- -G Ninja "$@"
  fi
  cmake -S . -B "$directory" "$@" >/dev/null
  cmake --build "$directory" -j "$(nproc)" >&2
}

# fuzz_packages: clang, and its libFuzzer, which is in a package with clang's version. Before there is any list of
# packages, only clang is known.
fuzz_packages() {
  version=$(apt-cache policy clang 2>/dev/null | sed -n 's/^ *Candidate: *[0-9]*:\([0-9]*\)\..*/\1/p')
  echo "clang${version:+ libclang-rt-$version-dev}"
}

# build_fuzz: builds the fuzz targets.
build_fuzz() {
  need $build_packages $(fuzz_packages)
  need $(fuzz_packages) # all of them are known now
  build build-fuzz -DCMAKE_C_COMPILER=clang -DTP_SANITIZE=fuzzer-no-link,address,undefined
}
