#!/usr/bin/env bash
# Set-up: `setup.sh install STAMP` fills .venv from requirements.lock and touches STAMP; `setup.sh lock` resolves anew.
# uv is taken from PATH or, where it is not there, put into .uv with pip.
set -euo pipefail
cd "$(dirname "$0")/.."

VENV=.venv
PYTHONS='>=3.10,<3.14'
SECONDS_BETWEEN_LINES=15

fail() {
  echo "error: $*" >&2
  exit 1
}

find_uv() {
  if command -v uv >/dev/null && uv --version >/dev/null 2>&1; then
    echo uv
    return
  fi
  if [ ! -x .uv/bin/uv ]; then
    command -v python3 >/dev/null || fail "neither uv nor python3 is on PATH: install one of them"
    echo "installing uv into .uv" >&2
    python3 -m pip install --quiet --target .uv uv >&2 || fail "pip cannot install uv: install uv by hand, then run make again"
  fi
  echo .uv/bin/uv
}

# llama-cpp-python comes as source only. Left out: its multimodal tools and llama.cpp's "common" library. Unity builds
# halve the rest.
LLAMA=$(grep '^llama-cpp-python==' requirements.lock)
CMAKE_OPTIONS="-DLLAVA_BUILD=OFF -DCMAKE_UNITY_BUILD=ON -DCMAKE_UNITY_BUILD_BATCH_SIZE=12 ${CMAKE_ARGS:-}"

# Where its wheel is kept for all checkouts on this machine: a folder per version, options and processor, since the build
# uses this processor's instructions (-march=native) and must not be carried to another. uv's own cache knows neither.
wheel_folder() {
  local processor
  processor=$(grep -m1 '^flags' /proc/cpuinfo 2>/dev/null || sysctl -n machdep.cpu.brand_string 2>/dev/null || true)
  echo "${T2Q_CACHE:-$HOME/.cache/t2q}/wheels/llama-$({
    echo "$LLAMA $CMAKE_OPTIONS $(uname -sm) $processor"
    cat scripts/llama-slim.cmake
  } | cksum | cut -d' ' -f1)"
}

build_llama() {
  local folder=$1 half
  mkdir -p "$(dirname "$folder")"
  half=$(mktemp -d "$folder.XXXXXX")
  "$UV" venv --quiet --clear --seed --python "$VENV/bin/python" "$VENV/llama-build" &&
    CMAKE_ARGS="$CMAKE_OPTIONS -DCMAKE_PROJECT_INCLUDE=$PWD/scripts/llama-slim.cmake" \
      "$VENV/llama-build/bin/python" -m pip wheel --no-cache-dir --no-deps --no-binary llama-cpp-python \
      --wheel-dir "$half" "$LLAMA" && # pip's cache would give back a wheel that was built with other options
    { [ -d "$folder" ] || mv "$half" "$folder"; }
}

# Waits for the build in the background, with a line now and then.
wait_for_llama() {
  local pid=$1 log=$2
  while kill -0 "$pid" 2>/dev/null; do
    sleep 1
    if ((SECONDS % SECONDS_BETWEEN_LINES == 0)); then echo "building llama.cpp … $SECONDS s"; fi
  done
  wait "$pid" || {
    tail -n 25 "$log" >&2
    fail "llama.cpp did not build (it needs a C++ compiler, such as the package build-essential); all of its output: $log"
  }
}

install() {
  local stamp=$1 log="$VENV/llama-build.log" rest="$VENV/rest.lock" wheel build="" ticker
  "$VENV/bin/python" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 14))' 2>/dev/null ||
    "$UV" venv --quiet --clear --python "$PYTHONS" "$VENV" ||
    fail "no Python $PYTHONS found: install one, or let uv do so with \`uv python install 3.12\`"
  rm -f "$VENV"/.set-up-*
  wheel=$(wheel_folder)
  echo "setting up $VENV with $("$VENV/bin/python" --version)"

  if [ ! -d "$wheel" ]; then
    build_llama "$wheel" >"$log" 2>&1 &
    build=$!
  fi
  (while sleep "$SECONDS_BETWEEN_LINES"; do echo "installing packages … $((SECONDS)) s"; done) &
  ticker=$!
  trap 'kill $ticker $build 2>/dev/null || true' EXIT
  grep -v '^llama-cpp-python==' requirements.lock >"$rest"
  uv_install -r "$rest" || fail "the packages of requirements.lock cannot be installed"
  kill "$ticker"
  [ -z "$build" ] || wait_for_llama "$build" "$log"
  trap - EXIT

  uv_install --no-deps "$wheel"/llama_cpp_python-*.whl
  uv_install --no-deps --editable .
  rm -rf "$VENV/llama-build" "$rest"
  touch "$stamp"
  echo "set up in $SECONDS s; source $VENV/bin/activate makes t2q a command"
}

# Compiled here once: where Python may not write bytecode (many containers), each command would compile 3,000 modules.
uv_install() {
  "$UV" pip install --quiet --compile-bytecode --python "$VENV/bin/python" "$@"
}

UV=$(find_uv)
case "${1:-}" in
  install) install "$2" ;;
  lock) "$UV" pip compile --quiet --universal --python-version 3.10 pyproject.toml --extra dev --upgrade \
    --no-annotate --no-header --output-file requirements.lock ;;
  *) fail "usage: setup.sh install STAMP | lock" ;;
esac
